/* Times ONNX Runtime's `Run` with no interpreter between: the least time of a call over many rounds of calls.
 *
 * tensor_bench.py compiles this with the optimiser on and hands in the function and its arguments; inputs and outputs are made before. */
#include <stddef.h>
#include <time.h>

typedef void *(*run_function)(void *session, const void *options, const char *const *input_names, void *const *inputs, size_t inputs_count,
                              const char *const *output_names, size_t outputs_count, void **outputs);

struct call {
  run_function run;
  void *session;
  const char *input_name;
  void *input;
  const char *output_name;
  void *output;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

/* Returns the seconds of a call in the least of the rounds; below 0 where one fails. */
double least(const struct call *call, long calls, double seconds) {
  double best = 1e30, end = now() + seconds;
  for (long round = 0; round < 5 || now() < end; round++) {
    double begin = now();
    for (long i = 0; i < calls; i++) {
      void *output = call->output;
      if (call->run(call->session, NULL, &call->input_name, &call->input, 1, &call->output_name, 1, &output)) return -1;
    }
    double took = (now() - begin) / calls;
    if (round > 0 && took < best) best = took;
  }
  return best;
}
