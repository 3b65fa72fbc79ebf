// Mocha reporter: what Spec prints, plus a file with the real counts for scripts/test.mjs.
const fs = require('node:fs');
const Mocha = require('mocha');

module.exports = class CountingSpec extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      fs.writeFileSync(process.env.LINGUALIFT_TEST_COUNTS, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
};
