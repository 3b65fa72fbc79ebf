import { HAN_NUMERAL, hanDecimal, hanValue, SCALE_AFTER_DIGITS } from './han';
import { type Draft } from './reader';

const RUN = new RegExp(`[${HAN_NUMERAL}]+(?:[点點][〇○零一二三四五六七八九]+)?`, 'uy');
const PERCENT = new RegExp(`百分之((?:[${HAN_NUMERAL}]+)(?:[点點][〇零一二三四五六七八九]+)?)`, 'uy');
const PART = new RegExp(`(分之|分の)([${HAN_NUMERAL}]+|\\d+)`, 'uy');
/** Common words that begin with or consist of numeral characters and mean no number. */
const NOT_NUMBERS = new Set(['万一', '千万', '一一', '一十', '百千', '千百', '万千', '三三两两', '一二', '三四', '七八', '百万千']);
/** Characters before which a single numeral is part of a word or a name: 第一, 星期三, 三角形. */
const BEFORE = /[第期周週拜初统統唯同之任万每某另专專惟归劃划进這这那]$/u;
const COUNTER_OR_END = /^\s?(?:[个個只隻本人元円圆块塊枚匹頭头条條张張冊册台把辆輛次倍岁歳歲天日年时時分秒页頁支件つ杯回点點米公千克斤箱盒袋包朵棵间層层位名毛袋粒颗顆瓶份组組句口]|です|だ|で|と|。|，|、|！|!|\.|$|\n|\))/u;

/** Reads a Han numeral at `start`. `end` is where the scan goes on, whether or not there is a reading. */
export function readHan(text: string, start: number, language: string): { draft?: Draft; end: number } {
  const draft = (end: number, value: number, kind: Draft['kind'], alternatives: number[] = []) => ({
    draft: { start, end, value, kind, role: 'value' as const, ambiguous: false, alternatives },
    end,
  });
  PERCENT.lastIndex = start;
  const percent = PERCENT.exec(text);
  const share = percent ? hanDecimal(percent[1] ?? '') : undefined;
  if (percent && share !== undefined) return draft(start + percent[0].length, share, 'percent', [share / 100]);
  RUN.lastIndex = start;
  const run = RUN.exec(text)?.[0] ?? '';
  const end = start + run.length;
  const value = language === 'zh' ? (shortened(run) ?? hanDecimal(run)) : hanDecimal(run);
  if (value === undefined || NOT_NUMBERS.has(run)) return { end };
  PART.lastIndex = end;
  const part = PART.exec(text);
  if (part) {
    const top = /^\d/.test(part[2] ?? '') ? Number(part[2]) : hanValue(part[2] ?? '');
    if (top !== undefined && value !== 0) return draft(end + part[0].length, top / value, 'fraction');
  }
  const before = text.slice(0, start);
  if (BEFORE.test(before) || (run === '十' && text[end] === '分')) return { end };
  // One character alone is a number only before a counter or a sentence end; 一 before a counter is mostly an article.
  if (run.length === 1 && !(COUNTER_OR_END.test(text.slice(end, end + 3)) && (run !== '一' || !/^[个個]/u.test(text.slice(end))))) return { end };
  return draft(end, value, 'han');
}

/** Spoken Chinese leaves the last scale word out: 两万五 is 25,000 and 三百五 is 350 (in Japanese 百五 is 105). */
function shortened(run: string): number | undefined {
  const match = /^(.*)([百千万亿])([一二三四五六七八九])$/u.exec(run);
  if (!match || /[零〇]/u.test(run)) return undefined;
  const whole = hanValue(`${match[1]}${match[2]}`);
  const unit = hanValue(`一${match[2]}`);
  const digit = hanValue(match[3] ?? '');
  return whole === undefined || unit === undefined || digit === undefined ? undefined : whole + (digit * unit) / 10;
}

const SCALED = new RegExp(`(?:[${SCALE_AFTER_DIGITS}](?![克米瓦卡焦帕큼에]|分之))+(?:\\s?\\d[\\d,]*(?:\\.\\d+)?(?:[${SCALE_AFTER_DIGITS}](?![克米瓦卡焦帕큼에]))+)*(?:\\s?\\d[\\d,]*(?![\\d.]))?`, 'uy');

/** A number whose digits are followed by 万, 億, 만 and the like: 3万5千, 1억 2,000만, 5만. */
export function readScaledDigits(text: string, start: number, end: number, value: number): { value: number; end: number; alternatives: number[] } | undefined {
  SCALED.lastIndex = end;
  const tail = SCALED.exec(text);
  if (!tail) return undefined;
  const total = hanValue(`${value}${tail[0].replace(/[\s,]/gu, '')}`);
  return total === undefined || start > end ? undefined : { value: total, end: end + tail[0].length, alternatives: [] };
}
