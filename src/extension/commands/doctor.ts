import * as vscode from 'vscode';
import { type DoctorFix, type DoctorLine } from '../../runs/doctor';
import { Command, Setting } from '../contributions';
import { pythonSetting, type Reader, runsFolder, type Steps } from '../services';
import { Doctor, OnDoctorLine } from '../worker/protocol';

const t = vscode.l10n.t;

interface Line extends vscode.QuickPickItem {
  readonly line?: DoctorLine;
}

const COPY: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('copy'), tooltip: 'Copy' };
const AGAIN: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('refresh'), tooltip: 'Again' };

/** What a button can do about a finding. */
function remedy(action: DoctorFix): { readonly label: string; readonly run: () => Thenable<unknown> } {
  const open = (url: string) => () => vscode.env.openExternal(vscode.Uri.parse(url));
  const command = (id: string, ...args: unknown[]) => () => vscode.commands.executeCommand(id, ...args);
  switch (action) {
    case 'setup': return { label: t('Set up the training environment'), run: command(Command.setUpTraining) };
    case 'demo-bundle': return { label: t('Get the demo bundle'), run: command(Command.getDemoBundle) };
    case 'base-weights': return { label: t('Get the demo bundle'), run: command(Command.getDemoBundle) };
    case 'runs-folder': return { label: t('Choose the runs folder'), run: command(Command.showSettings, Setting.runsFolder.key) };
    case 'cuda-help': return { label: t('About CUDA'), run: open('https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html') };
    case 'free-disk': return { label: t('Show log'), run: command(Command.showLog) };
  }
}

/** `LinguaLIFT: Doctor`: the machine line by line, each with its remedy; the report can be copied and holds no private path. */
export async function doctor(services: { readonly context: vscode.ExtensionContext; readonly reader: Reader; readonly steps: Steps }): Promise<void> {
  const pick = vscode.window.createQuickPick<Line>();
  pick.title = t('LinguaLIFT doctor');
  pick.placeholder = t('Choose a line to mend it');
  pick.ignoreFocusOut = true;
  pick.matchOnDetail = true;
  const copy = { ...COPY, tooltip: t('Copy the report') };
  const again = { ...AGAIN, tooltip: t('Check again') };
  pick.buttons = [copy, again];
  let report = '';
  let closed = false;

  const check = async (): Promise<void> => {
    pick.busy = true;
    pick.items = [];
    report = '';
    const lines: Line[] = [];
    const result = await services.reader.aside(async (client) => {
      client.connection.onNotification(OnDoctorLine, (line) => {
        lines.push(toItem(line, services.context.extensionUri));
        if (!closed) pick.items = [...lines];
      });
      return client.connection.sendRequest(Doctor, { python: pythonSetting(), runsFolder: runsFolder(services.context) });
    });
    if (closed) return;
    report = result.report;
    pick.busy = false;
    const wrong = result.lines.filter((l) => l.status === 'error').length;
    const warnings = result.lines.filter((l) => l.status === 'warning').length;
    pick.placeholder = wrong > 0 ? t('{0} broken, {1} warnings. Choose a line to mend it', wrong, warnings) : warnings > 0 ? t('Nothing is broken; {0} warnings', warnings) : t('Everything is in order');
    services.steps.done('machineChecked');
  };

  await new Promise<void>((resolve, reject) => {
    pick.onDidHide(() => {
      closed = true;
      pick.dispose();
      resolve();
    });
    pick.onDidTriggerButton(async (button) => {
      if (button === again) await check();
      else if (report !== '') {
        await vscode.env.clipboard.writeText(report);
        void vscode.window.showInformationMessage(t('The report is in the clipboard. Paths in your home folder and your user name are left out.'));
      }
    });
    const mend = async (item: Line | undefined): Promise<void> => {
      const action = item?.line?.action;
      if (!action) return;
      pick.hide();
      await remedy(action).run();
    };
    pick.onDidTriggerItemButton((e) => void mend(e.item));
    pick.onDidAccept(() => void mend(pick.activeItems[0]));
    pick.show();
    check().catch((e: unknown) => {
      pick.hide();
      reject(e as Error);
    });
  });
}

function toItem(line: DoctorLine, extension: vscode.Uri): Line {
  const action = line.status !== 'ok' || line.action === 'cuda-help' ? line.action : undefined;
  const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(extension, 'media', 'status', `${line.status}-${theme}.svg`);
  return {
    line,
    label: line.label,
    iconPath: { light: icon('light'), dark: icon('dark') },
    description: line.detail,
    detail: line.status === 'ok' ? undefined : line.fix,
    alwaysShow: true,
    buttons: action ? [{ iconPath: new vscode.ThemeIcon('wrench'), tooltip: remedy(action).label }] : [],
  };
}
