/** What a test item stands for: a benchmark, one of its languages, or one problem. No `vscode` here. */
export interface Target {
  readonly benchmark: string;
  /** Of a benchmark. */
  readonly languages?: readonly string[];
  readonly language?: string;
  readonly id?: string;
}

/** Problems that one run of the store can ask: the same ids in every language. */
export interface Group {
  readonly benchmark: string;
  readonly languages: readonly string[];
  /** Undefined: all problems. */
  readonly ids?: readonly string[];
}

/**
 * The runs that a choice of test items needs: languages with the same problems share one.
 *
 * @param idsOf all ids of a language, in the benchmark's order
 */
export async function groupsOf(include: readonly Target[], exclude: readonly Target[], idsOf: (benchmark: string, language: string) => Promise<readonly string[]>): Promise<Group[]> {
  const benchmarks = new Map<string, Map<string, Set<string> | 'all'>>();
  for (const { benchmark, languages, language, id } of include) {
    const chosen = benchmarks.get(benchmark) ?? new Map<string, Set<string> | 'all'>();
    benchmarks.set(benchmark, chosen);
    for (const code of language === undefined ? (languages ?? []) : [language]) {
      const now = chosen.get(code);
      if (id === undefined) chosen.set(code, 'all');
      else if (now !== 'all') chosen.set(code, (now ?? new Set<string>()).add(id));
    }
  }
  for (const { benchmark, language, id } of exclude) {
    const chosen = benchmarks.get(benchmark);
    if (!chosen) continue;
    if (language === undefined) benchmarks.delete(benchmark);
    else if (id === undefined) chosen.delete(language);
    else {
      const now = chosen.get(language);
      if (now === undefined) continue;
      const ids = now === 'all' ? new Set(await idsOf(benchmark, language)) : now;
      ids.delete(id);
      if (ids.size > 0) chosen.set(language, ids);
      else chosen.delete(language);
    }
  }
  const out: Group[] = [];
  for (const [benchmark, chosen] of benchmarks) {
    const same = new Map<string, { languages: string[]; ids: readonly string[] | undefined }>();
    for (const [language, ids] of chosen) {
      const key = ids === 'all' ? 'all' : JSON.stringify([...ids].sort());
      const group = same.get(key) ?? { languages: [], ids: ids === 'all' ? undefined : [...ids] };
      group.languages.push(language);
      same.set(key, group);
    }
    for (const { languages, ids } of same.values()) out.push({ benchmark, languages, ...(ids ? { ids } : {}) });
  }
  return out;
}
