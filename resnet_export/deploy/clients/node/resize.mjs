// The resize of Pillow to the last bit: a separable filter, antialiased, in integers with 22 bits behind the point.
//
// A picture is { data, width, height, channels }, with a byte for each value, row by row.

const BITS = 32 - 8 - 2;

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    reach: 2,
    weight: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
  lanczos: { reach: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

// For each place from `start` on: the first value that counts, and the weight of it and the next ones.
function weights(filter, length, wanted, start, count) {
  const scale = length / wanted;
  const stretch = Math.max(scale, 1);
  const reach = filter.reach * stretch;
  return Array.from({ length: count }, (_, at) => {
    const centre = (start + at + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), length);
    const inverse = 1 / stretch;
    const real = Array.from({ length: end - first }, (_, k) => filter.weight((k + first - centre + 0.5) * inverse));
    const sum = real.reduce((a, b) => a + b, 0);
    const fixed = real.map((value) => Math.trunc((value / sum) * 2 ** BITS + (value < 0 ? -0.5 : 0.5)));
    return { first, fixed };
  });
}

// One pass along the lines of `stride` values; `lines` says where each begins in `data`.
function pass(data, lines, stride, step, table, target, targetLines, targetStep) {
  lines.forEach((line, row) => {
    table.forEach(({ first, fixed }, place) => {
      for (let channel = 0; channel < stride; channel++) {
        let sum = 2 ** (BITS - 1);
        let at = line + first * step + channel;
        for (const weight of fixed) {
          sum += data[at] * weight;
          at += step;
        }
        target[targetLines[row] + place * targetStep + channel] = Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
      }
    });
  });
}

const range = (count, factor) => Array.from({ length: count }, (_, index) => index * factor);

function along(picture, horizontal, filter, wanted, start, count) {
  const { data, width, height, channels } = picture;
  if (wanted === (horizontal ? width : height) && count === wanted) return picture;
  const table = weights(filter, horizontal ? width : height, wanted, start, count);
  const made = horizontal ? { width: count, height, channels } : { width, height: count, channels };
  made.data = new Uint8Array(made.width * made.height * channels);
  const row = width * channels;
  const madeRow = made.width * channels;
  if (horizontal) pass(data, range(height, row), channels, channels, table, made.data, range(height, madeRow), channels);
  else pass(data, range(width, channels), channels, row, table, made.data, range(width, channels), madeRow);
  return made;
}

function nearest({ data, width, height, channels }, size, box) {
  const places = (length, wanted) => {
    const step = length / wanted;
    const found = [];
    for (let at = 0, x = step * 0.5; at < wanted; at++, x += step) found.push(Math.trunc(x));
    return found;
  };
  const across = places(width, size.width).slice(box.left, box.left + box.side);
  const down = places(height, size.height).slice(box.top, box.top + box.side);
  const made = down.flatMap((y) => across.map((x) => data.subarray((y * width + x) * channels, (y * width + x + 1) * channels)));
  const packed = new Uint8Array(made.length * channels);
  made.forEach((pixel, at) => packed.set(pixel, at * channels));
  return { data: packed, width: box.side, height: box.side, channels };
}

// Resizes a picture to `size`, and cuts a square out of it: only what is in the square is computed.
export function resizeAndCrop(picture, size, box, interpolation, columnsFirst) {
  if (interpolation === "nearest") return nearest(picture, size, box);
  const filter = FILTERS[interpolation];
  const horizontal = (given) => along(given, true, filter, size.width, box.left, box.side);
  const vertical = (given) => along(given, false, filter, size.height, box.top, box.side);
  const shrinks = picture.height > size.height && picture.height - size.height > 2 * (picture.width - size.width);
  return columnsFirst && shrinks ? horizontal(vertical(picture)) : vertical(horizontal(picture));
}
