import { type DoctorLine, doctorReport, runDoctor } from '../runs/doctor';
import { options, text } from './options';

const HELP = `lingualift doctor [--json]

Checks Node, engine, execution providers, memory, disk, Python, base weights, demo bundle and write access.
Exit code 0 when nothing is broken (warnings allowed), 1 otherwise.

  --python PATH   the Python environment to look at`;

export async function doctorCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { json: 'flag', python: 'text' }, HELP);
  const lines: DoctorLine[] = [];
  for await (const line of runDoctor({ python: text(o, 'python') })) {
    lines.push(line);
    if (o.json !== true) process.stdout.write(doctorReport([line]) + '\n');
  }
  const broken = lines.some((l) => l.status === 'error');
  if (o.json === true) process.stdout.write(JSON.stringify({ ok: !broken, lines }) + '\n');
  return broken ? 1 : 0;
}
