/* Times what tools offer to C, with no interpreter between: a batch, lone rows, lone rows with cold caches.
 *
 * forest_peers.py compiles this with the optimiser on and hands in the functions' addresses. `call` answers rows from..to of the
 * table into `out`, in the way of each tool; a tool that takes one row a call is called row after row, input fill included. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum tool { LLEAVES, TL2CGEN_F32, TL2CGEN_F64, LIGHTGBM, XGBOOST };

/* As forest_peers.py lays it out. */
struct peer {
  int32_t tool;
  int32_t features;
  int32_t width;
  void *function;
  void *handle;
  const void *rows; /* float64, of XGBoost and TL2CGEN_F32 float32 */
  double *out;
};

#define FEATURES_MAX 64
#define WIDTH_MAX 8

static void one_tl2cgen_f64(const struct peer *p, long row) {
  union { int missing; double fvalue; } entry[FEATURES_MAX];
  const double *x = (const double *)p->rows + row * p->features;
  for (int i = 0; i < p->features; i++) {
    if (isnan(x[i])) entry[i].missing = -1; else entry[i].fvalue = x[i];
  }
  double result[WIDTH_MAX] = {0};
  ((void (*)(void *, int, double *))p->function)(entry, 1, result);
  memcpy(p->out + row * p->width, result, sizeof(double) * p->width);
}

static void one_tl2cgen_f32(const struct peer *p, long row) {
  union { int missing; float fvalue; } entry[FEATURES_MAX];
  const float *x = (const float *)p->rows + row * p->features;
  for (int i = 0; i < p->features; i++) {
    if (isnan(x[i])) entry[i].missing = -1; else entry[i].fvalue = x[i];
  }
  float result[WIDTH_MAX] = {0};
  ((void (*)(void *, int, float *))p->function)(entry, 1, result);
  for (int k = 0; k < p->width; k++) p->out[row * p->width + k] = result[k];
}

/* LGBM_BoosterPredictForMatSingleRowFast, the handle being its prepared configuration. */
static void one_lightgbm(const struct peer *p, long row) {
  int64_t written = 0;
  const double *x = (const double *)p->rows + row * p->features;
  ((int (*)(void *, const void *, int64_t *, double *))p->function)(p->handle, x, &written, p->out + row);
}

/* XGBoosterPredictFromDense, what its inplace_predict calls. */
static void some_xgboost(const struct peer *p, long from, long to) {
  static const char *how = "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false,"
                           "\"missing\":NaN,\"cache_id\":0}";
  char values[160];
  const float *x = (const float *)p->rows + from * p->features;
  snprintf(values, sizeof values, "{\"data\":[%llu,true],\"shape\":[%ld,%d],\"typestr\":\"<f4\",\"version\":3}",
           (unsigned long long)(uintptr_t)x, to - from, p->features);
  const uint64_t *shape = 0;
  uint64_t dimensions = 0;
  const float *said = 0;
  int failed = ((int (*)(void *, const char *, const char *, void *, const uint64_t **, uint64_t *, const float **))
                    p->function)(p->handle, values, how, 0, &shape, &dimensions, &said);
  for (long row = from; row < to; row++) p->out[row] = failed ? NAN : said[row - from];
}

static void call(const struct peer *p, long from, long to) {
  if (p->tool == LLEAVES) {
    ((void (*)(const void *, double *, int, int))p->function)(p->rows, p->out, (int)from, (int)to);
    return;
  }
  if (p->tool == XGBOOST) {
    some_xgboost(p, from, to);
    return;
  }
  for (long row = from; row < to; row++) {
    switch (p->tool) {
    case TL2CGEN_F32: one_tl2cgen_f32(p, row); break;
    case TL2CGEN_F64: one_tl2cgen_f64(p, row); break;
    default: one_lightgbm(p, row);
    }
  }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Seconds that one call for all these rows takes. */
double batch(const struct peer *p, long rows) {
  double begin = now();
  call(p, 0, rows);
  return now() - begin;
}

/* Seconds that a call for each of these rows takes. */
double singles(const struct peer *p, long from, long to) {
  double begin = now();
  for (long row = from; row < to; row++) call(p, row, row + 1);
  return now() - begin;
}

/* Seconds of each of some calls, for one row each, when so many bytes were read before it. */
long cold(const struct peer *p, const char *other, long bytes, long calls, double *seconds) {
  volatile long sum = 0;
  for (long row = 0; row < calls; row++) {
    long of = 0;
    for (long i = 0; i < bytes; i += 64) of += other[i];
    sum += of;
    double begin = now();
    call(p, row, row + 1);
    seconds[row] = now() - begin;
  }
  return sum;
}
