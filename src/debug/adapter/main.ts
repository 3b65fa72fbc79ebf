import { LiftDebugSession } from './session';

/** Entry of the debug adapter's process: the protocol over standard input and output. */
const session = new LiftDebugSession();
process.on('SIGTERM', () => session.shutdown());
session.start(process.stdin, process.stdout);
