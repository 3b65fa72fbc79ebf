/** Spellers for the two languages that neither CLDR nor n2words spells out: Basque up to 9,999, Malayalam up to 100 and 1,000. */
const EU_LOW = (
  'zero bat bi hiru lau bost sei zazpi zortzi bederatzi hamar hamaika hamabi hamahiru hamalau hamabost hamasei hamazazpi hemezortzi hemeretzi'
).split(' ');
const EU_TWENTIES = ['', 'hogei', 'berrogei', 'hirurogei', 'laurogei'];
const EU_HUNDREDS = ['', 'ehun', 'berrehun', 'hirurehun', 'laurehun', 'bostehun', 'seiehun', 'zazpiehun', 'zortziehun', 'bederatziehun'];

function euBelow100(n) {
  if (n < 20) return n === 2 ? ['bi', 'biga'] : [EU_LOW[n]];
  const twenty = EU_TWENTIES[Math.floor(n / 20)];
  return n % 20 === 0 ? [twenty] : euBelow100(n % 20).map((rest) => `${twenty}ta ${rest}`);
}

/** Forms of n in Basque, 0..9999. */
export function basque(n) {
  if (n < 100) return euBelow100(n);
  if (n < 1000) {
    const head = EU_HUNDREDS[Math.floor(n / 100)];
    return n % 100 === 0 ? [head] : euBelow100(n % 100).map((rest) => `${head} eta ${rest}`);
  }
  if (n >= 10000) return [];
  const k = Math.floor(n / 1000);
  const head = k === 1 ? 'mila' : `${EU_LOW[k]} mila`;
  if (n % 1000 === 0) return [head];
  return basque(n % 1000).flatMap((rest) => [`${head} ${rest}`, `${head} eta ${rest}`]);
}

const ML_LOW = (
  'പൂജ്യം ഒന്ന് രണ്ട് മൂന്ന് നാല് അഞ്ച് ആറ് ഏഴ് എട്ട് ഒൻപത് പത്ത് പതിനൊന്ന് പന്ത്രണ്ട് പതിമൂന്ന് പതിനാല് പതിനഞ്ച് പതിനാറ് പതിനേഴ് പതിനെട്ട് പത്തൊമ്പത്'
).split(' ');
const ML_TENS = ['', '', 'ഇരുപത്', 'മുപ്പത്', 'നാല്പത്', 'അമ്പത്', 'അറുപത്', 'എഴുപത്', 'എൺപത്', 'തൊണ്ണൂറ്'];
const ML_TENS_JOINED = ['', '', 'ഇരുപത്തി', 'മുപ്പത്തി', 'നാല്പത്തി', 'അമ്പത്തി', 'അറുപത്തി', 'എഴുപത്തി', 'എൺപത്തി', 'തൊണ്ണൂറ്റി'];
const ML_UNITS_JOINED = ['', 'യൊന്ന്', 'രണ്ട്', 'മൂന്ന്', 'നാല്', 'യഞ്ച്', 'യാറ്', 'യേഴ്', 'യെട്ട്', 'യൊമ്പത്'];

/** Forms of n in Malayalam, 0..100 and 1000. */
export function malayalam(n) {
  if (n === 100) return ['നൂറ്'];
  if (n === 1000) return ['ആയിരം'];
  if (n === 9) return ['ഒൻപത്', 'ഒമ്പത്'];
  if (n < 20) return [ML_LOW[n]];
  if (n > 100) return [];
  const unit = n % 10;
  const ten = Math.floor(n / 10);
  return unit === 0 ? [ML_TENS[ten]] : [ML_TENS_JOINED[ten] + ML_UNITS_JOINED[unit]];
}
