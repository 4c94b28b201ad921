/* The walk over all classes of outer tiles that kernel_share.py also does in compiled Python: the same integers, the
 * same doubles, the same order of both. Built with gcc -O3 in this folder's tests only. */

#include <stdint.h>

typedef int64_t i64;

static i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }

static i64 boxes(i64 n_a, i64 n_b, i64 bound_a, i64 bound_b, i64 stride, i64 dilation) {
  return n_b * stride * (bound_a - n_a) + n_a * dilation * (bound_b - n_b) + n_a * n_b;
}

static i64 slid_over_a(i64 n_a, i64 n_b, i64 bound_a, i64 bound_b, i64 stride, i64 dilation) {
  i64 whole = boxes(1, n_b, bound_a, bound_b, stride, dilation);
  if (stride == 1 || n_a == 1) return whole;
  if (n_b == 1) {
    i64 apart = boxes(n_a, 1, bound_a, bound_b, stride, dilation);
    return whole < apart ? whole : apart;
  }
  return whole - (n_a - 1) * n_b * (stride - 1);
}

static i64 slid_over_b(i64 n_a, i64 n_b, i64 bound_a, i64 bound_b, i64 stride, i64 dilation) {
  return slid_over_a(n_b, n_a, bound_b, bound_a, dilation, stride);
}

static double least(double a, double b) { return a < b ? a : b; }

static void outer_words(const i64 *b, const i64 *w, const double *amount, const i64 *n, double out[3][7]) {
  i64 h0 = boxes(n[4], n[6], b[4], b[6], w[0], w[1]);
  i64 h1 = slid_over_a(n[4], n[6], b[4], b[6], w[0], w[1]);
  i64 h2 = slid_over_b(n[4], n[6], b[4], b[6], w[0], w[1]);
  i64 w0 = boxes(n[5], n[7], b[5], b[7], w[2], w[3]);
  i64 w1 = slid_over_a(n[5], n[7], b[5], b[7], w[2], w[3]);
  i64 w2 = slid_over_b(n[5], n[7], b[5], b[7], w[2], w[3]);
  double planes = (double)(b[0] * b[1] * b[3]);
  i64 filters = n[1] * n[4] * n[5];
  i64 sums = n[3] * n[6] * n[7];
  for (int o = 0; o < 3; o++) {
    double image = o == 0 ? planes : planes * n[2];
    out[o][0] = o == 1 ? amount[1] : amount[1] * filters;
    out[o][1] = o == 2 ? amount[2] : amount[2] * sums;
    out[o][2] = image * h0 * w0;
    out[o][3] = image * h1 * w0;
    out[o][4] = image * h0 * w1;
    out[o][5] = image * h2 * w0;
    out[o][6] = image * h0 * w2;
  }
}

static double outer_energy(const double *e, double out[3][7], int o) {
  double ifmap = out[o][2];
  if (o != 2) ifmap = least(ifmap, least(out[o][3], out[o][4]));
  if (o != 1) ifmap = least(ifmap, least(out[o][5], out[o][6]));
  return e[0] * ifmap + e[1] * out[o][0] + e[2] * out[o][1];
}

static i64 tile_bits(const i64 *t, const i64 *w, const i64 *bits, int o) {
  if (o == 0) {
    i64 height = (t[4] - 1) * w[0] + (t[6] - 1) * w[1] + 1;
    i64 width = (t[5] - 1) * w[2] + (t[7] - 1) * w[3] + 1;
    return bits[0] * t[0] * t[1] * t[3] * height * width;
  }
  if (o == 1) return bits[1] * t[0] * t[2] * t[3] * t[6] * t[7];
  return bits[2] * t[0] * t[1] * t[2] * t[4] * t[5];
}

static int fits(const i64 *t, const i64 *w, const i64 *bits, const i64 *kept, const double *room) {
  i64 total = 0;
  for (int o = 0; o < 3; o++) {
    if (!kept[o]) continue;
    i64 size = tile_bits(t, w, bits, o);
    if ((double)size > room[o]) return 0;
    total += size;
  }
  return (double)total <= room[3];
}

/* Least energy of the outer crossing over all classes that fit; visited counts the classes.
 * start (9,): the trip counts of dim d are values[start[d]] .. values[start[d + 1]]. */
double outer_walk(const i64 *b, const i64 *w, const double *amount, const i64 *bits, const i64 *kept, const double *e,
                  const double *room, const i64 *start, const i64 *values, i64 *visited) {
  i64 at[8], n[8], tile[8];
  double words[3][7], best = 1e300;
  for (int d = 0; d < 8; d++) {
    at[d] = start[d];
    n[d] = values[at[d]];
    tile[d] = ceil_div(b[d], n[d]);
  }
  for (;;) {
    ++*visited;
    if (fits(tile, w, bits, kept, room)) {
      outer_words(b, w, amount, n, words);
      best = least(best, least(outer_energy(e, words, 0), least(outer_energy(e, words, 1), outer_energy(e, words, 2))));
    }
    int d = 7;
    while (d >= 0) {
      if (++at[d] < start[d + 1]) break;
      at[d] = start[d];
      n[d] = values[at[d]];
      tile[d] = ceil_div(b[d], n[d]);
      d--;
    }
    if (d < 0) return best;
    n[d] = values[at[d]];
    tile[d] = ceil_div(b[d], n[d]);
  }
}
