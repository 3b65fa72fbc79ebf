/** Intervals, paired tests, corrections, resampling and agreement for right/wrong answers in many languages. */
export { StatisticsError } from './distributions';
export { indexDraw, Random, sampleWithoutReplacement, shuffle } from './random';
export { type Interval, sortedQuantile, wilson } from './intervals';
export { MISSING, type ResultRow, ResultTable } from './table';
export { type BootstrapOptions, clusterBootstrap, DEFAULT_RESAMPLES, type Estimate, type Ratio } from './bootstrap';
export { type BalancedMean, balancedMeans } from './balanced';
export { groupMean, type GroupMean, groupMeans } from './groups';
export { type ConditionalAccuracy, conditionalAccuracies, groupTransferGaps, type TransferGap, transferGaps } from './transfer';
export { type DetectableOptions, type McNemar, mcnemar, minimalDetectableDifference, type PairedDifference, pairedDifferences, type Quadrants } from './paired';
export { benjaminiHochberg, holm } from './multiplicity';
export { type PairableSample, PairingError, type PairingMismatch, pairSamples } from './pairing';
export { agreementMatrix, type AgreementMatrix, type AnsweredRow, cohenKappa, consistency, type Consistency, fleissKappa, problemMatrix, type ProblemMatrix } from './agreement';
