/** Small drawings: intervals, the histogram of activations, the decile curve, activity by position. */
import {asCount, asFigure, asPercent, isMissing} from './format.js';
import {el, svg} from './dom.js';

/** A share on a 0 to 1 scale: a bar over its interval, a stroke at the estimate, a thin line over the worst cases. */
export function intervalBar({rate, low, high, worst_low: worstLow, worst_high: worstHigh}, floor = null) {
  if (isMissing(rate)) return null;
  const line = (x, kind, y1 = 1, y2 = 11) => svg('line', {x1: x * 100, x2: x * 100, y1, y2, class: kind});
  const spans = !isMissing(low) && !isMissing(high);
  const words = spans ? `, interval ${asFigure(low)} to ${asFigure(high)}` : '';
  return svg('svg', {class: 'interval', viewBox: '0 0 100 12', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${asFigure(rate)}${words}`},
    svg('line', {x1: 0, x2: 100, y1: 6, y2: 6, class: 'axis'}),
    !isMissing(worstLow) && worstHigh > worstLow ? svg('line', {x1: worstLow * 100, x2: worstHigh * 100, y1: 6, y2: 6, class: 'worst'}) : null,
    spans ? svg('rect', {x: low * 100, width: Math.max(0, high - low) * 100, y: 3, height: 6, class: 'range'}) : null,
    isMissing(floor) ? null : line(floor, 'floor', 0, 12),
    line(rate, 'estimate'));
}

/** A chart's frame: a figure with its caption, drawn in a space of the given size. */
function frame(caption, summary, width, height, ...children) {
  return el('figure', {class: 'chart'}, caption ? el('figcaption', {}, caption) : null,
    svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': summary}, children));
}

const text = (x, y, content, anchor = 'middle', kind = null) => svg('text', {x, y, 'text-anchor': anchor, class: kind}, content);

/** Counts of activations with the cut points of the deciles below them. Bins are equally wide as drawn, whatever their edges. */
export function histogramChart({edges, counts, deciles}) {
  const [width, left, right, top, bottom] = [340, 38, 334, 8, 96];
  const most = Math.max(...counts, 1);
  const step = (right - left) / counts.length;
  const x = (value) => left + placeIn(edges, value) * step;
  const bars = counts.map((n, i) => (n ? svg('rect', {class: 'bar', x: left + i * step + 0.4, width: Math.max(0.6, step - 0.8), y: bottom - (n / most) * (bottom - top),
    height: (n / most) * (bottom - top)}, svg('title', {}, `${asFigure(edges[i])} to ${asFigure(edges[i + 1])}: ${asCount(n)}`)) : null));
  const cuts = (deciles || []).map((value, i) => svg('line', {class: 'cut', x1: x(value), x2: x(value), y1: bottom, y2: bottom + (i === 4 ? 9 : 6)},
    svg('title', {}, `decile cut ${i + 1}: ${asFigure(value)}`)));
  const ticks = [0, Math.floor(counts.length / 2), counts.length].map((i, nth) =>
    text(left + i * step, bottom + 20, asFigure(edges[i]), ['start', 'middle', 'end'][nth]));
  return frame(null, `Histogram of ${asCount(counts.reduce((a, b) => a + b, 0))} activations from ${asFigure(edges[0])} to ${asFigure(edges[edges.length - 1])}`,
    width, 120, svg('line', {class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom}), bars, cuts, ticks,
    text(left - 5, top + 7, asCount(most), 'end'), text(left - 5, bottom, '0', 'end'));
}

/** Where a value lies among edges, in bins: 2.5 is the middle of the third. */
function placeIn(edges, value) {
  let bin = edges.findIndex((edge) => edge > value) - 1;
  if (bin === -2) bin = edges.length - 2;
  if (bin < 0) return 0;
  const [low, high] = [edges[bin], edges[bin + 1]];
  const part = low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return bin + Math.min(1, Math.max(0, part));
}

/** Share of each decile's held-out contexts that the judge found, with intervals, and its false alarms as dashed lines. */
export function decileChart({hits, n, low, high, false_alarms: alarms}) {
  const [width, left, right, top, bottom] = [340, 38, 334, 10, 100];
  const x = (i) => left + 14 + (i * (right - left - 28)) / 9;
  const y = (share) => bottom - share * (bottom - top);
  const measured = hits.map((k, i) => ({i, k, n: n[i], share: k / n[i]})).filter((point) => point.n > 0);
  const grid = [0, 0.5, 1].map((share) => [svg('line', {class: 'axis', x1: left, x2: right, y1: y(share), y2: y(share)}), text(left - 5, y(share) + 3.5, asPercent(share), 'end')]);
  const dashes = ['hard', 'random'].filter((kind) => alarms && alarms[kind] && alarms[kind][1] > 0).map((kind) => {
    const share = alarms[kind][0] / alarms[kind][1];
    return svg('line', {class: `alarm ${kind}`, x1: left, x2: right, y1: y(share), y2: y(share)}, svg('title', {}, `${kind} negatives: ${alarms[kind][0]} of ${alarms[kind][1]}`));
  });
  const points = measured.map((point) => [
    isMissing(low[point.i]) ? null : svg('rect', {class: 'range', x: x(point.i) - 4, width: 8, y: y(high[point.i]), height: y(low[point.i]) - y(high[point.i])}),
    svg('circle', {class: 'point', cx: x(point.i), cy: y(point.share), r: 2.8}, svg('title', {}, `decile ${point.i}: ${point.k} of ${point.n}`)),
  ]);
  const names = Array.from({length: 10}, (_, i) => text(x(i), bottom + 14, `d${i}`));
  const ends = [text(left, bottom + 28, 'weakest activations', 'start'), text(right, bottom + 28, 'strongest', 'end')];
  const summary = measured.map((point) => `decile ${point.i}: ${point.k} of ${point.n}`).join(', ');
  return frame(null, `Contexts found by decile of activation. ${summary}`, width, 132, grid, dashes,
    svg('polyline', {class: 'curve', points: measured.map((point) => `${x(point.i)},${y(point.share)}`).join(' ')}), points, names, ends);
}

/** How often the feature fires at each place of the window. */
export function positionChart({share_active: shares, width: bucket = 1}) {
  const [width, left, right, top, bottom] = [340, 38, 334, 8, 56];
  const most = Math.max(...shares.filter((share) => !isMissing(share)), 0);
  if (!(most > 0)) return null;
  const step = (right - left) / shares.length;
  const bars = shares.map((share, i) => (share ? svg('rect', {class: 'bar', x: left + i * step, width: Math.max(0.5, step - 0.3), y: bottom - (share / most) * (bottom - top),
    height: (share / most) * (bottom - top)}, svg('title', {}, `position ${i * bucket}: ${asPercent(share, 2)}`)) : null));
  const peak = shares.indexOf(most);
  return frame(null, `Share of tokens on which the feature fires, by position; most at position ${peak * bucket}: ${asPercent(most, 2)}`, width, 76,
    svg('line', {class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom}), bars, text(left - 5, top + 7, asPercent(most, 1), 'end'),
    text(left, bottom + 14, '0', 'start'), text(right, bottom + 14, String(shares.length * bucket - 1), 'end'), text((left + right) / 2, bottom + 14, 'position in the window'));
}

/** A share of a larger one as a bar beside a number. */
export function shareBar(share) {
  return svg('svg', {class: 'share', viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true'}, svg('rect', {class: 'bar', x: 0, y: 1, height: 8, width: Math.min(1, Math.max(0, share)) * 100}));
}
