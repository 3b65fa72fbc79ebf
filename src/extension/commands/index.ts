import * as vscode from 'vscode';
import { Command, type CommandId } from '../contributions';
import { type Log } from '../services';

const t = vscode.l10n.t;

/** A command's work. Arguments come from menus, keybindings or other extensions and are checked by the handler. */
export type Handler = (...args: readonly unknown[]) => unknown;
/** Every declared command has a handler, or this does not compile. */
export type Handlers = Readonly<Record<CommandId, Handler>>;

/** An error with something the user can do about it at once. */
export class Remedied extends Error {
  constructor(
    message: string,
    readonly remedy: { readonly label: string; readonly command: string; readonly args?: readonly unknown[] },
  ) {
    super(message);
  }
}

/** Shows an error in words, with its remedy or else the log. */
export async function showError(error: unknown, log: Log): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  log.error(error instanceof Error ? (error.stack ?? message) : message);
  const remedy = error instanceof Remedied ? error.remedy : undefined;
  const show = t('Show log');
  const chosen = await vscode.window.showErrorMessage(message, ...(remedy ? [remedy.label] : []), show);
  if (chosen === show) await vscode.commands.executeCommand(Command.showLog);
  else if (chosen !== undefined && remedy) await vscode.commands.executeCommand(remedy.command, ...(remedy.args ?? []));
}

/** Registers every command; a failure becomes a message, never an unhandled rejection. */
export function registerCommands(handlers: Handlers, log: Log): vscode.Disposable {
  return vscode.Disposable.from(
    ...Object.entries(handlers).map(([id, handler]) =>
      vscode.commands.registerCommand(id, async (...args: unknown[]) => {
        log.debug(`Command ${id}`);
        try {
          return await handler(...args);
        } catch (e) {
          void showError(e, log);
          return undefined;
        }
      }),
    ),
  );
}

/** Refuses what Restricted Mode does not allow, in words. */
export function requireTrust(what: string): void {
  if (vscode.workspace.isTrusted) return;
  throw new Remedied(t('{0} is not possible in Restricted Mode, because bundles, benchmarks and settings of this workspace could be anybody\'s. Trust the workspace first.', what), { label: t('Manage trust'), command: 'workbench.trust.manage' });
}
