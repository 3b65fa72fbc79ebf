import path from 'node:path';
import { browser, ROOT, Server } from '../workbench/server';

/** Opens a window whose extension host runs dist/host-tests.js with the extension of this checkout; ends when the host says so. */
async function main(): Promise<void> {
  const report = process.env.LINGUALIFT_HOST_REPORT!;
  const server = await Server.start({ testDriver: true, links: { 'bundles/tiny': path.join(ROOT, 'models', 'tiny'), 'bundles/tiny-text': path.join(ROOT, 'models', 'tiny-text') }, env: { LINGUALIFT_HOST_REPORT: report, LINGUALIFT_FIGURES: process.env.LINGUALIFT_FIGURES ?? '' } });
  const { context, page } = await browser();
  try {
    let end: (code: number) => void = () => undefined;
    const ended = new Promise<number>((resolve) => (end = resolve));
    const timer = setTimeout(() => end(99), 180_000);
    await page.exposeFunction('codeAutomationLog', (type: string, args: unknown[]) => {
      // code-server is installed without compiling anything, so its native log and watchdog are missing; VS Code goes on without.
      if (type === 'error' && !/spdlog|watchdog|authentication provider/.test(JSON.stringify(args))) console.log(JSON.stringify(args).slice(0, 500));
    });
    await page.exposeFunction('codeAutomationExit', (code: number) => end(code));
    const remote = (file: string): string => `vscode-remote://127.0.0.1:${server.port}${file}`;
    const payload = [['extensionDevelopmentPath', remote(ROOT)], ['extensionTestsPath', remote(path.join(ROOT, 'dist', 'host-tests.js'))]];
    await page.goto(server.url({ payload: JSON.stringify(payload) }));
    const code = await ended;
    clearTimeout(timer);
    if (code === 99) console.log('The extension host gave no sign of its end within 180 s.');
  } finally {
    await context.close();
    await server.stop();
  }
}

void main().catch((e: unknown) => {
  console.error(e);
  process.exitCode = 1;
});
