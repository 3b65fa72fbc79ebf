/** Intervals, paired tests, corrections, resampling and agreement for right/wrong answers in many languages. */
export { StatisticsError } from './distributions';
export { indexDraw, Random, sampleWithoutReplacement, shuffle } from './random';
export { type Interval, sortedQuantile, wilson } from './intervals';
export { MISSING, type ResultRow, ResultTable } from './table';
export { type BootstrapOptions, clusterBootstrap, DEFAULT_RESAMPLES, type Estimate, type Ratio } from './bootstrap';
export { groupMean, type GroupMean, groupMeans } from './groups';
