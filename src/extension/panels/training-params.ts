import { MOST_TRAININGS, TRAINING_ACTIONS, type TrainingAction } from '../../protocol/training';
import { count, record, refuse } from './validate';

/** Checks of what the training panel sends, as in validate.ts. */
export function trainingAction(value: unknown): TrainingAction {
  const p = record(value);
  const action = TRAINING_ACTIONS.find((a) => a === p.action) ?? refuse('an unknown action');
  const index = count(p.index, 'index');
  if (index >= MOST_TRAININGS) refuse('a place beyond the trainings');
  return {
    action, index,
    ...(p.checkpoint === undefined ? {} : { checkpoint: count(p.checkpoint, 'checkpoint') }),
    ...(p.other === undefined ? {} : { other: count(p.other, 'other') }),
  };
}
