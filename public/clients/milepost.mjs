// Reports a job to a Milepost server. One file, no dependencies, Node 20 or later.
//
//     import { job, track } from './milepost.mjs'
//
//     await job('nightly-backup', { title: 'Nightly backup' }, async run => {
//         for (const table of track(tables, { run, unit: 'tables' })) await dump(table)
//         run.log('uploading')
//     })
//
// Address and token come from MILEPOST_URL and MILEPOST_TOKEN or MILEPOST_TOKEN_FILE. Without an address everything is
// inert. Reports are sent in the background and never throw; the only error for the caller is Cancelled, which `track`,
// `progress` and `check` throw. `run.signal` is an AbortSignal for requests of the caller.

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

const AGENT = 'milepost.mjs/1'
const MOST_WAITING = 100_000 // entries kept while the server is not reached
const BATCH = 500 // entries of a batch
const LEVELS = ['debug', 'info', 'warn', 'error']

/** The job was cancelled on the server. */
export class Cancelled extends Error {}

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))

const token = () => {
    const file = process.env.MILEPOST_TOKEN_FILE
    return (process.env.MILEPOST_TOKEN ?? (file ? readFileSync(file, 'ascii') : '')).trim()
}

/** One run. Use `job` to make one. */
export class Job {
    #reporter = randomUUID().slice(0, 18)
    #start = Date.now()
    #origin = performance.now()
    #entries = [] // what the server has not on its disk
    #first = 1 // the number of the first of them
    #next = 1
    #acked = 0
    #epoch
    #repeat = false
    #pending // progress that waits for the next batch
    #pace = 1000
    #cancel
    #ended = false
    #stopped = false
    #reached = false
    #dropped = 0
    #abort = new AbortController()
    #wake = () => {}
    #done = Promise.resolve()
    #startEntry

    constructor(kind, { title = '', run = randomUUID(), stages = [], link = '', heartbeat = 10, deliver = 5 } = {}) {
        this.url = (process.env.MILEPOST_URL ?? '').replace(/\/+$/, '')
        Object.assign(this, { kind, run, heartbeat, deliver })
        this.#startEntry = { at: this.#now(), title, stages, host: hostname(), pid: process.pid, agent: AGENT, link }
        if (this.url) {
            this.#add({ type: 'start', ...this.#startEntry })
            this.#done = this.#report()
        }
    }

    /** Aborted by a request to stop. */
    get signal() {
        return this.#abort.signal
    }

    /** Reports progress: value, max, message, unit, stage, data. Throws Cancelled after a request to stop. */
    progress(fields) {
        this.check()
        if (fields.stage !== undefined && this.#pending?.stage !== undefined && fields.stage !== this.#pending.stage) {
            this.#flush()
        }
        this.#pending = { ...this.#pending, ...fields, at: this.#now() }
        this.#wake()
    }

    /** Adds lines to the log. */
    log(text, level = 'info') {
        const name = LEVELS.includes(level) ? level : 'info'
        const lines = String(text).split('\n').map(line => [this.#now(), name, line.slice(0, 2000)])
        for (let at = 0; at < lines.length; at += 200) this.#add({ type: 'log', lines: lines.slice(at, at + 200) })
    }

    /** Throws Cancelled after a request to stop. */
    check() {
        if (this.#cancel && !this.#ended) throw new Cancelled(this.#cancel.reason)
    }

    /** Reports the end, once, and waits a few seconds at most for its delivery. */
    async finish({ state = 'succeeded', message = '', result } = {}) {
        if (this.#ended) return
        this.#flush()
        const elapsed = (performance.now() - this.#origin) / 1000
        const text = String(message).slice(0, 300)
        this.#add({ type: 'finish', at: this.#now(), elapsed, state, message: text, result })
        this.#ended = true
        this.#wake()
        let timer
        const timeout = new Promise(resolve => (timer = setTimeout(resolve, this.deliver * 1000)))
        await Promise.race([this.#done, timeout])
        clearTimeout(timer)
        this.#stopped = true
    }

    #now() {
        return new Date(this.#start + performance.now() - this.#origin).toISOString()
    }

    #add(entry) {
        if (!this.url || this.#stopped || this.#ended) return
        if (entry.type === 'log' && this.#entries.length >= MOST_WAITING) {
            this.#dropped += entry.lines.length
            return
        }
        if (this.#dropped && (entry.type === 'log' || entry.type === 'finish')) {
            const text = `${this.#dropped} lines left out: the server is not reached`
            this.#dropped = 0
            this.#entries.push({ type: 'log', lines: [[this.#now(), 'warn', text]] })
        }
        this.#entries.push(entry)
        this.#wake()
    }

    #flush() {
        const pending = this.#pending
        this.#pending = undefined
        if (pending) this.#add({ type: 'progress', ...pending })
    }

    /** Waits until there is something to send, for the time of a heartbeat at most. Does not keep the process alive. */
    async #wait(milliseconds, ready) {
        const end = performance.now() + milliseconds
        while (!ready() && performance.now() < end) {
            await new Promise(resolve => {
                const timer = setTimeout(resolve, end - performance.now())
                timer.unref()
                this.#wake = () => {
                    clearTimeout(timer)
                    resolve()
                }
            })
        }
    }

    async #report() {
        let failures = 0
        let sentAt = -Infinity
        await sleep(0)
        for (;;) {
            const due = () => this.#ended || this.#pending || this.#next < this.#first + this.#entries.length
            if (!failures) await this.#wait(this.heartbeat * 900, due)
            await this.#wait(sentAt + this.#pace - performance.now(), () => this.#ended)
            this.#flush()
            sentAt = performance.now()
            const delay = await this.#send()
            const over = this.#ended && this.#entries.length === 0
            if (delay === undefined || over || this.#stopped || (this.#ended && delay && !this.#reached)) {
                this.#stopped = true
                return
            }
            failures = delay ? failures + 1 : 0
            const longest = Math.min(delay * 2 ** Math.min(failures, 6), 15_000)
            if (delay) await sleep(longest * (0.5 + Math.random() / 2))
            else if (this.#ended) await sleep(50) // the server has yet to write
        }
    }

    /** Returns 0 after a success, a delay after a failure, nothing if the server takes no more. */
    async #send() {
        const begin = this.#next - this.#first
        const body = {
            reporter: this.#reporter, seq: this.#next, acked: this.#acked, sent_at: this.#now(), heartbeat: this.heartbeat,
            epoch: this.#epoch, start: this.#repeat ? this.#startEntry : undefined,
            entries: this.#entries.slice(begin, begin + BATCH),
        }
        try {
            const headers = { 'Content-Type': 'application/json' }
            const bearer = token()
            if (bearer) headers.Authorization = `Bearer ${bearer}`
            const response = await fetch(`${this.url}/api/v1/report/${this.kind}/${this.run}`, {
                method: 'POST', headers, body: JSON.stringify(body), redirect: 'manual', signal: AbortSignal.timeout(30_000),
            })
            const answer = await response.json().catch(() => ({}))
            if (response.ok) return this.#accept(answer)
            if (response.status === 409 && answer.code === 'gap') {
                this.#next = Math.max(answer.received + 1, this.#first)
                return 10
            }
            const again = [401, 408, 429].includes(response.status) || response.status >= 500
            return again ? Number(response.headers.get('Retry-After') || 1) * 1000 : undefined
        } catch {
            return 500
        }
    }

    #accept(status) {
        this.#reached = true
        this.#repeat = this.#epoch !== undefined && status.epoch !== this.#epoch
        this.#epoch = status.epoch
        this.#acked = Math.max(this.#acked, status.acked)
        this.#entries.splice(0, Math.max(0, this.#acked + 1 - this.#first))
        this.#first = Math.max(this.#first, this.#acked + 1)
        this.#next = Math.max(status.received + 1, this.#first)
        this.#pace = Math.min(Math.max(status.report_every ?? 1, 0.1), 60) * 1000
        if (status.cancel && !this.#cancel) {
            this.#cancel = status.cancel
            this.#abort.abort(new Cancelled(status.cancel.reason))
        }
        return 0
    }
}

/** Reports a function as a job: succeeded, failed with its error, or cancelled. */
export async function job(kind, options, work) {
    const run = new Job(kind, options)
    try {
        const result = await work(run)
        await run.finish({ result })
        return result
    } catch (error) {
        const state = error instanceof Cancelled ? 'cancelled' : 'failed'
        await run.finish({ state, message: state === 'failed' ? String(error) : '' })
        throw error
    }
}

/** Reports progress while it yields the items. */
export function* track(items, { run, total = items.length ?? items.size, unit = '', message } = {}) {
    let value = 0
    for (const item of items) {
        run?.progress({ value, max: total, unit, message })
        yield item
        value += 1
        run?.progress({ value, max: total, unit, message })
    }
}
