import * as vscode from 'vscode';
import { type Catalogue } from '../catalogue';
import { NOTEBOOK_TYPE } from '../contributions';
import { type ActiveRuns } from '../runs/active';
import { type Log, type Reader, type Steps } from '../services';
import { readSetting } from '../settings';
import { WarmAsker } from './asker';
import { type NotebookServices } from './job';
import { Kernels } from './kernels';
import { CellLanguages } from './language';
import { OutputMessaging } from './messaging';
import { NotebookSerializer } from './serializer';

export interface NotebookParts {
  readonly context: vscode.ExtensionContext;
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly runs: ActiveRuns;
  readonly steps: Steps;
  readonly log: Log;
}

/** Everything about `.liftnb`: file format, kernels, cell languages, outputs. Costs nothing until a notebook is opened. */
export function registerNotebooks(parts: NotebookParts): vscode.Disposable {
  const asker = new WarmAsker(parts.log);
  const services: NotebookServices = { ...parts, asker };
  return vscode.Disposable.from(
    asker,
    vscode.workspace.registerNotebookSerializer(NOTEBOOK_TYPE, new NotebookSerializer(), { transientOutputs: !readSetting('saveOutputs') }),
    new Kernels(services),
    new OutputMessaging(services),
    new CellLanguages(parts.catalogue),
  );
}
