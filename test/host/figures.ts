/** Measured values that the report shows beside the tests; nothing is asserted about time. */
export const figures: Record<string, string> = {};
