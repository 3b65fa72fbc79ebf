import fs from 'node:fs';
import path from 'node:path';
import { type TrainingInfo, type TrainingView } from '../../protocol/training';
import { isTraining, METRICS, MetricsReader, SETTINGS, trainingInfo, trainingView } from '../../runs/training';

/** One reader a folder, so that a growing file is read once. */
const readers = new Map<string, MetricsReader>();

function reader(folder: string): MetricsReader {
  let found = readers.get(folder);
  if (!found) readers.set(folder, (found = new MetricsReader(path.join(folder, METRICS))));
  return found;
}

/** The trainings among the folders, each once: running ones first, then by time of the last change. */
export function listTrainings(folders: readonly string[]): TrainingInfo[] {
  const wanted = [...new Set(folders.map((f) => path.resolve(f)))].filter((f) => fs.existsSync(path.join(f, SETTINGS)));
  for (const known of readers.keys()) if (!wanted.includes(known)) readers.delete(known);
  return wanted
    // A settings.json that cannot be read at all is somebody else's, unless metrics lie beside it.
    .filter((f) => isTraining(f) || fs.existsSync(path.join(f, METRICS)))
    .map((f) => trainingInfo(f, reader(f)))
    .sort((a, b) => Number(b.status === 'running') - Number(a.status === 'running') || b.updated - a.updated);
}

export const readTraining = (folder: string): TrainingView => trainingView(folder, reader(path.resolve(folder)));
