//! Tables from Parquet: every column computed and dropped, one thread, beside Spark on one core.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Bench, CORE, Part,
    inputs::{Inputs, MODELS, Model, SIZES},
    median, number, rounded, spent,
};

pub const PART: Part = Part { name: "batch", measure, title: "Tables from Parquet", render };

/// Runs of ours, after one that warms the file cache.
const RUNS: usize = 5;

fn measure(bench: &Bench<'_>) -> anyhow::Result<Value> {
    let inputs = Inputs::ready(bench)?;
    let spark = inputs.spark(bench)?;
    let mut figures = json!({"spark_from_earlier_run": bench.spark_from.is_some(), "runs": RUNS});
    for Model { name: model, .. } in &MODELS {
        for rows in SIZES {
            let (folder, table) = (inputs.model(model), inputs.table(model, rows));
            let (folder, table) = (folder.display().to_string(), table.display().to_string());
            let args = ["score", &folder, &table, "--threads", "1", "--output-format", "none"];
            let runs: Result<Vec<_>, _> = (0..=RUNS).map(|_| spent::on_core(CORE, bench.binary, &args)).collect();
            let runs: Vec<spent::Spent> = runs?.into_iter().skip(1).map(|(spent, _)| spent).collect();
            let key = format!("{model}-{rows}");
            let spark = spark.get(&key).map_or(&[][..], |seconds| seconds);
            let (wall, cpu): (Vec<f64>, Vec<f64>) =
                runs.iter().map(|spent| (spent.wall, rounded(spent.cpu, 3))).unzip();
            figures[key] = json!({
                "rows": rows, "wall_s": wall, "cpu_s": cpu, "spark_s": spark,
                "ratio_of_medians": rounded(median(spark) / median(&wall), 1),
                "ratio_of_least": rounded(least(spark) / least(&wall), 1),
            });
        }
    }
    Ok(figures)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

fn render(figures: &Value) -> String {
    let mut text = String::from(
        "`forebay score MODEL TABLE --threads 1 --output-format none`: Parquet (snappy) is read, every default column computed \
         and dropped. The whole process is measured, from its start to its end, on one core: reading, scoring and loading the \
         model share it. Answers stay where the engine computed them; none is copied or encoded. Spark 3.5 `local[1]` does the same with its `noop` sink in a warm JVM, whose start and model loading do not \
         count, and whose collector and compiler may use the other cores. Seconds are the medians of 5 runs of ours and 3 of Spark's, \
         after one that does not count; the last column compares the least of each, which other work on the machine disturbs less.\n\n\
         | model | rows | Forebay | CPU | rows/s | Spark | ratio | of the least |\n|---|---|---|---|---|---|---|---|\n",
    );
    for Model { name: model, .. } in &MODELS {
        for rows in SIZES {
            let of = &figures[format!("{model}-{rows}")];
            let of_list = |key: &str| median(&list(&of[key]));
            let (wall, cpu, spark) = (of_list("wall_s"), of_list("cpu_s"), of_list("spark_s"));
            let (ratio, least) = (number(of, "ratio_of_medians"), number(of, "ratio_of_least"));
            let _ = writeln!(
                text,
                "| {model} | {rows} | {wall:.3} s | {cpu:.3} s | {:.0} | {spark:.2} s | {ratio:.1} | {least:.1} |",
                rows as f64 / wall
            );
        }
    }
    text.push_str("\nOver 1,000,000 rows each is held to a ratio of 20; those over 10,000 are told.\n");
    if figures["spark_from_earlier_run"] == true {
        text.push_str("Spark's times were taken from an earlier run (`--spark-from`).\n");
    }
    text
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}
