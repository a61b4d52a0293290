// A proxy between browser and server that does what bad ones do to event streams.
import { createServer, type IncomingMessage, request as ask, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What becomes of streams: they pass, are answered with a status, are kept back whole, or fall silent where they are. */
export type Fault = "none" | "buffers" | "swallows" | number;

export class Proxy {
  url = "";
  /** Requests for streams and polls, and how they were answered. */
  readonly asked: { path: string; status: number }[] = [];
  private fault: Fault = "none";
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly streams = new Set<{ from: IncomingMessage; to: ServerResponse }>();

  constructor(
    private readonly target: string,
    /** Whether polls suffer as streams do. */
    private readonly polls = true,
    /** Whether it lets browsers keep pages for going back to, which the server does not. */
    private readonly keeps = false,
  ) {
    this.server = createServer((from, to) => this.pass(from, to));
    this.server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    });
  }

  async start(): Promise<this> {
    this.server.listen(0, "127.0.0.1");
    await new Promise((listening) => this.server.once("listening", listening));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  /** From now on. Streams that are open are cut off, or are never heard again. */
  set(fault: Fault) {
    this.fault = fault;
    for (const { from, to } of this.streams) {
      from.destroy();
      if (fault !== "swallows") to.destroy();
    }
    this.streams.clear();
  }

  stop() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private pass(from: IncomingMessage, to: ServerResponse) {
    const { pathname } = new URL(from.url ?? "/", this.url);
    const stream = pathname === "/events";
    const poll = pathname === "/events/poll";
    const fault = stream || (poll && this.polls) ? this.fault : "none";
    if (typeof fault === "number") {
      this.asked.push({ path: pathname, status: fault });
      to.writeHead(fault, fault === 502 ? {} : { "retry-after": "1" }).end();
      return;
    }
    const options = { method: from.method, headers: from.headers };
    const through = ask(new URL(from.url ?? "/", this.target), options, (answer) => {
      if (stream || poll) this.asked.push({ path: pathname, status: answer.statusCode ?? 0 });
      if (stream && fault === "buffers") {
        // Until the whole answer is there, which it never is.
        answer.resume();
        return;
      }
      const headers = { ...answer.headers };
      if (this.keeps) headers["cache-control"] = "no-cache";
      to.writeHead(answer.statusCode ?? 502, headers);
      to.flushHeaders();
      answer.pipe(to);
      if (stream) {
        const one = { from: answer, to };
        this.streams.add(one);
        answer.once("close", () => this.streams.delete(one));
      }
      answer.once("error", () => undefined);
    });
    through.once("error", () => to.destroy());
    to.once("close", () => through.destroy());
    from.pipe(through);
  }
}
