// npm run setup: everything that a fresh machine needs, without running anything.
import { run } from './lib/log.mjs';
import { baseWeights, build, checkNode, nodePackages, pythonEnvironment } from './lib/setup.mjs';

await run(async () => {
  checkNode();
  await nodePackages();
  await build();
  await baseWeights(await pythonEnvironment());
});
