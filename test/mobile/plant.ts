/** A site with devices that reach its daemon through a proxy, and the admin's view past it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Daemon } from '../support/faults/daemon.ts';
import { DatabaseProxy } from '../support/faults/proxy.ts';
import { type Client, logIn, makeSite, password, type Site } from '../support/faults/site.ts';
import { compile, Device, type DeviceOptions } from './kotlin.ts';

interface Row {
  id: number;
  [field: string]: unknown;
}

export class Plant {
  readonly #devices: Device[] = [];
  #site: Site | undefined;
  #daemon: Daemon | undefined;
  work = '';
  proxy!: DatabaseProxy;
  admin!: Client;

  /** Compiles the client; eight assets, `A-1` to `A-8`, are there. */
  async start(): Promise<this> {
    this.work = mkdtempSync(join(tmpdir(), 'assetra-kotlin-'));
    await compile(this.#classes);
    this.#site = await makeSite();
    this.#daemon = await new Daemon(this.dir).start();
    const { address } = this.#daemon;
    this.proxy = await new DatabaseProxy({ host: '127.0.0.1', port: Number(new URL(address).port) }).start();
    this.admin = await logIn(address);
    for (let number = 1; number <= 8; number++) await this.create(`A-${number}`);
    return this;
  }

  /** Ends it all, however it stands. */
  async stop(): Promise<void> {
    await this.proxy?.stop();
    await this.#daemon?.kill();
    this.#site?.remove();
    rmSync(this.work, { recursive: true, force: true });
  }

  /** No devices, and a network that works. */
  async calm(): Promise<void> {
    await Promise.all(this.#devices.splice(0).map((device) => device.kill()));
    await this.proxy.pass();
  }

  get dir(): string {
    return this.#site!.dir;
  }

  get #classes(): string {
    return join(this.work, 'classes');
  }

  /** Alice is signed in, and everything pulled. */
  async device(name: string, options: Partial<DeviceOptions> = {}): Promise<Device> {
    const one = this.deviceAt(`http://127.0.0.1:${this.proxy.port}`, name, options);
    expect(await one.ask('sign-in', { username: 'alice', password })).toEqual({});
    expect(await one.ask('sync')).toMatchObject({ done: true });
    return one;
  }

  /** With the folder that one of this name had before. */
  deviceAt(address: string, name: string, options: Partial<DeviceOptions> = {}): Device {
    const one = new Device(this.#classes, join(this.work, name), { address, name, ...options }).start();
    this.#devices.push(one);
    return one;
  }

  async create(asset_tag: string): Promise<Row> {
    return (await this.admin.post('assets/', { asset_tag, name: asset_tag })).body;
  }

  async change(method: 'PATCH' | 'DELETE', id: number, body?: object): Promise<void> {
    const sent = body ? { body: JSON.stringify(body) } : {};
    const { headers } = this.admin;
    const answer = await fetch(`${this.#daemon!.address}/api/v1/assets/${id}/`, { method, headers, ...sent });
    expect(answer.ok).toBe(true);
  }

  async assets(): Promise<Row[]> {
    return (await this.#all('assets/')).sort((one, other) => one.id - other.id);
  }

  scans(): Promise<Row[]> {
    return this.#all('scan-events/');
  }

  /** Those of the ids that the server has, as often as it has them. */
  async recorded(ids: string[]): Promise<string[]> {
    const events = (await this.scans()).map(({ client_event_id }) => String(client_event_id));
    return events.filter((id) => ids.includes(id)).sort();
  }

  /** Every scan once on the server, nothing left to send, and the same assets on both sides. */
  async expectSettled(one: Device, scans: string[] = []): Promise<void> {
    expect(await this.recorded(scans)).toEqual([...scans].sort());
    const { waiting, assets } = await one.ask('look');
    expect(waiting).toEqual([]);
    expect(assets).toEqual(await this.assets());
  }

  async #all(path: string): Promise<Row[]> {
    const rows: Row[] = [];
    for (let page = 1; ; page++) {
      const { body } = await this.admin.get(`${path}?page_size=500&page=${page}`);
      rows.push(...body.results);
      if (!body.next) return rows;
    }
  }
}
