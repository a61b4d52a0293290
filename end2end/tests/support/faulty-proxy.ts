// HTTP proxy between browser and server with the faults that real proxies show for event streams.
import { createServer, type IncomingMessage, request as httpRequest, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What happens to streams: nothing, a response with a status, full buffering, or silence from now on. */
export type Fault = "none" | "buffers" | "silent" | number;

export class FaultyProxy {
  url = "";
  /** Requests for streams and polls, with the status of their response. */
  readonly requests: { path: string; status: number }[] = [];
  private fault: Fault = "none";
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly streams = new Set<{ from: IncomingMessage; to: ServerResponse }>();

  constructor(
    private readonly target: string,
    /** Whether faults apply to polls, too. */
    private readonly affectsPolls = true,
    /** Whether pages may enter the back/forward cache, which the server's own headers prevent. */
    private readonly allowsBackForwardCache = false,
  ) {
    this.server = createServer((from, to) => this.forward(from, to));
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

  /** Sets the fault for new requests. Open streams are cut, or with `silent` receive nothing more. */
  setFault(fault: Fault) {
    this.fault = fault;
    for (const { from, to } of this.streams) {
      from.destroy();
      if (fault !== "silent") to.destroy();
    }
    this.streams.clear();
  }

  stop() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private forward(from: IncomingMessage, to: ServerResponse) {
    const { pathname } = new URL(from.url ?? "/", this.url);
    const stream = pathname === "/events";
    const poll = pathname === "/events/poll";
    const fault = stream || (poll && this.affectsPolls) ? this.fault : "none";
    if (typeof fault === "number") {
      this.requests.push({ path: pathname, status: fault });
      to.writeHead(fault, fault === 502 ? {} : { "retry-after": "1" }).end();
      return;
    }
    const options = { method: from.method, headers: from.headers };
    const through = httpRequest(new URL(from.url ?? "/", this.target), options, (response) => {
      if (stream || poll) this.requests.push({ path: pathname, status: response.statusCode ?? 0 });
      if (stream && fault === "buffers") {
        // Waits for the end of the response, which never comes.
        response.resume();
        return;
      }
      const headers = { ...response.headers };
      if (this.allowsBackForwardCache) headers["cache-control"] = "no-cache";
      to.writeHead(response.statusCode ?? 502, headers);
      to.flushHeaders();
      response.pipe(to);
      if (stream) {
        const one = { from: response, to };
        this.streams.add(one);
        response.once("close", () => this.streams.delete(one));
      }
      response.once("error", () => undefined);
    });
    through.once("error", () => to.destroy());
    to.once("close", () => through.destroy());
    from.pipe(through);
  }
}
