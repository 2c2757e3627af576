import java.io.File;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Times one row at a time in JPMML-Evaluator and in PMML4S: processor time of the one thread that calls, maps of arguments made
 * before. Of eight rounds over all rows, after rounds that warm up, the least counts.
 *
 * <p>Arguments: engine (jpmml or pmml4s), document, rows (tab-separated; the first line has NAME:TYPE). Prints one JSON object.
 */
public class PmmlBench {
  static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();
  static final int WARM = 60_000;
  static final int ROUND = 20_000;
  static final int ROUNDS = 8;
  static int sink;

  public static void main(String[] args) throws Exception {
    long begun = System.nanoTime();
    Function<Map<String, Object>, Map<?, ?>> engine = engine(args[0], new File(args[1]));
    double loadMs = (System.nanoTime() - begun) / 1e6;
    List<Map<String, Object>> rows = rows(args[2]);
    run(engine, rows, WARM);
    double cpu = Double.MAX_VALUE;
    double wall = Double.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long cpuBegun = CLOCK.getCurrentThreadCpuTime();
      long wallBegun = System.nanoTime();
      run(engine, rows, ROUND);
      wall = Math.min(wall, (System.nanoTime() - wallBegun) / 1e3 / ROUND);
      cpu = Math.min(cpu, (CLOCK.getCurrentThreadCpuTime() - cpuBegun) / 1e3 / ROUND);
    }
    System.out.printf(
        java.util.Locale.ROOT, "{\"cpu_us\": %.4f, \"wall_us\": %.4f, \"load_ms\": %.0f, \"java\": \"%s\"}%n",
        cpu, wall, loadMs, System.getProperty("java.version"));
    System.err.println(sink);
  }

  static Function<Map<String, Object>, Map<?, ?>> engine(String name, File document) throws Exception {
    if (name.equals("jpmml")) {
      org.jpmml.evaluator.ModelEvaluator<?> evaluator = new org.jpmml.evaluator.LoadingModelEvaluatorBuilder().load(document).build();
      return row -> evaluator.evaluate(row);
    }
    org.pmml4s.model.Model model = org.pmml4s.model.Model.fromFile(document);
    return row -> model.predict(row);
  }

  static void run(Function<Map<String, Object>, Map<?, ?>> engine, List<Map<String, Object>> rows, int count) {
    for (int i = 0; i < count; i++) {
      sink += engine.apply(rows.get(i % rows.size())).size();
    }
  }

  static List<Map<String, Object>> rows(String path) throws Exception {
    List<String> lines = Files.readAllLines(new File(path).toPath());
    String[] names = lines.get(0).split("\t", -1);
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split("\t", -1);
      Map<String, Object> row = new LinkedHashMap<>();
      for (int i = 0; i < names.length; i++) {
        int colon = names[i].lastIndexOf(':');
        boolean isText = names[i].endsWith(":text");
        row.put(names[i].substring(0, colon), isText ? cells[i] : (Object) Double.valueOf(cells[i]));
      }
      rows.add(row);
    }
    return rows;
  }
}
