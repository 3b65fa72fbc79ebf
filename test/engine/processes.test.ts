import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type EnginePool } from '../../src/runs/pool';
import { openFastest, type SpreadRequest } from '../../src/runs/processes';
import { buildFolder, LOAD } from '../helpers/engine';
import { temporaryFolder } from '../helpers/paths';

describe('one process or several', function () {
  this.timeout(60_000);
  let memory: string;
  const log: string[] = [];

  beforeEach(() => {
    memory = path.join(temporaryFolder(), 'processes.json');
    log.length = 0;
  });

  const open = async (request: Partial<SpreadRequest>, threads = 0): Promise<EnginePool> =>
    openFastest(
      { load: { ...LOAD, batch: 4 }, threads, batch: 4, engine: { entry: path.join(await buildFolder(), 'engine.js') }, onLog: (line) => log.push(line) },
      { items: 1000, weights: 'tiny', memory, cores: 2, available: 8 * 2 ** 30, ...request },
    );
  const used = async (p: EnginePool): Promise<number> => {
    const n = p.all.length;
    await p.close();
    return n;
  };

  it('is measured for a long run, and the faster one is kept and remembered', async () => {
    const n = await used(await open({}));
    const line = log.find((l) => l.startsWith('Measured:'))!;
    const [, one, many] = /threads (\d+) tokens\/s, 2 processes (\d+) tokens\/s/.exec(line)!;
    assert.ok(Number(one) > 0 && Number(many) > 0);
    if (Math.abs(Number(one) - Number(many)) > 1) assert.equal(n, Number(many) > Number(one) ? 2 : 1);
    assert.deepEqual(Object.values(JSON.parse(fs.readFileSync(memory, 'utf8')) as object), [n]);
    log.length = 0;
    assert.equal(await used(await open({})), n);
    assert.equal(log.filter((l) => l.startsWith('Measured:')).length, 0, 'measured once');
  });

  it('a remembered number is used also for a shorter run', async () => {
    await used(await open({}));
    const key = Object.keys(JSON.parse(fs.readFileSync(memory, 'utf8')) as object)[0]!;
    for (const n of [1, 2]) {
      fs.writeFileSync(memory, JSON.stringify({ [key]: n }));
      assert.equal(await used(await open({ items: 20 })), n);
    }
    fs.writeFileSync(memory, '{ damaged');
    assert.equal(await used(await open({ items: 20 })), 1, 'a damaged file is no answer');
  });

  it('is one without a trial when the run is short, memory is short, or the user chose threads', async () => {
    assert.equal(await used(await open({ items: 20 })), 1);
    assert.equal(await used(await open({ available: 1 })), 1);
    assert.equal(await used(await open({}, os.availableParallelism())), 1);
    assert.equal(fs.existsSync(memory), false);
  });
});
