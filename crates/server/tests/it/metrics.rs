//! `/metrics` against the table that documents it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use server::{
    Config, MistConfig,
    metrics::{MetricKind, TABLE, dashboard, reference_page},
};

use crate::world::World;

/// Name to the label names that were printed, and the type line.
fn parse(page: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut all: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            current = name.to_owned();
            assert!(all.insert(current.clone(), (kind.to_owned(), BTreeSet::new())).is_none(), "{name} stands twice");
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&current), "{line} stands under {current}");
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let labels = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
            let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
            all.get_mut(&current).unwrap().1.extend(names);
        }
    }
    all
}

fn line<'a>(page: &'a str, start: &str) -> &'a str {
    let found = page.lines().find(|line| line.starts_with(start));
    found.and_then(|line| line.rsplit_once(' ')).map(|(_, value)| value).unwrap_or_else(|| panic!("{start}: {page}"))
}

#[test]
fn the_page_is_the_table() {
    let world = World::new(Config::default(), MistConfig::default());
    world.post("/api/v1/serve/double", r#"[{"x":1},{"x":2}]"#);
    world.post("/api/v1/serve/double?on_error=row", r#"[{"x":1},{"x":13}]"#);
    world.post("/api/v1/serve/double", r#"{"x":"a"}"#);
    world.post("/api/v1/serve/nobody", r#"{"x":1}"#);
    world.post("/api/double?serve", r#"{"x":[1,2,3]}"#);
    world.post("/api/v1/serve/panic", r#"{"x":1}"#);
    world.post("/api/v1/serve/join", r#"{"x":1}"#);
    let answer = world.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = answer.body.as_str();
    let printed = parse(page);
    let documented: BTreeSet<&str> = TABLE.iter().map(|metric| metric.name).collect();
    assert_eq!(printed.keys().map(String::as_str).collect::<BTreeSet<_>>(), documented);
    for metric in TABLE {
        let (kind, labels) = &printed[metric.name];
        let mut expected: BTreeSet<String> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
        if metric.kind == MetricKind::Histogram {
            expected.insert("le".to_owned());
        }
        assert_eq!((kind.as_str(), labels), (metric.kind.name(), &expected), "{}", metric.name);
    }
    let check = |series: &str, value: &str| assert_eq!(line(page, series), value, "{series}");
    check(r#"forebay_requests_total{dialect="native",model="double",code="200"}"#, "2");
    check(r#"forebay_requests_total{dialect="native",model="double",code="400"}"#, "1");
    check(r#"forebay_requests_total{dialect="native",model="",code="404"}"#, "1");
    check(r#"forebay_requests_total{dialect="mist",model="double",code="200"}"#, "1");
    check(r#"forebay_request_duration_seconds_count{dialect="native",model="double"}"#, "3");
    check(r#"forebay_request_duration_seconds_bucket{dialect="native",model="double",le="+Inf"}"#, "3");
    check(r#"forebay_rows_total{dialect="native",model="double"}"#, "4");
    check(r#"forebay_rows_total{dialect="mist",model="double"}"#, "3");
    check(r#"forebay_row_faults_total{dialect="native",model="double"}"#, "1");
    check(r#"forebay_model_loads_total{model="broken",result="failed"}"#, "1");
    check(r#"forebay_model_loads_total{model="double",result="ok"}"#, "1");
    check(r#"forebay_models{state="end"}"#, "1");
    check(r#"forebay_call_duration_seconds_count{dialect="native",model="double",version="1",code="200"}"#, "2");
    check(r#"forebay_call_duration_seconds_count{dialect="native",model="double",version="1",code="400"}"#, "1");
    check("forebay_panics_total", "1");
    check("forebay_requests_in_flight", "1");
}

/// Writes a page that is out of date anew, and fails.
fn check_page(path: &str, page: &str) {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::fs::read_to_string(&whole).ok().as_deref() != Some(page) {
        std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
        std::fs::write(&whole, page).unwrap();
        panic!("{path} was out of date and is written anew: commit it");
    }
}

#[test]
fn the_reference_page_is_up_to_date() {
    let page = reference_page();
    for metric in TABLE {
        assert!(page.contains(&format!("| `{}` | {} |", metric.name, metric.kind.name())), "{}", metric.name);
    }
    check_page("docs/reference/metrics.md", &page);
}

/// Returns the metrics that a query names, with the labels that stand in it.
fn named(query: &str) -> Vec<String> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("forebay_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_asks_for_metrics_that_are_there_by_labels_that_they_have() {
    let page = dashboard();
    let read: serde_json::Value = serde_json::from_str(&page).unwrap();
    let targets = read["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut seen = BTreeSet::new();
    for query in targets.map(|target| target["expr"].as_str().unwrap()) {
        let [name] = &named(query)[..] else { panic!("one metric: {query}") };
        let is = |metric: &&server::metrics::Metric| match metric.kind {
            MetricKind::Histogram => name.strip_suffix("_bucket") == Some(metric.name),
            _ => name == metric.name,
        };
        let metric = TABLE.iter().find(is).unwrap_or_else(|| panic!("{query} names no metric of ours"));
        assert_eq!(query.contains("rate("), metric.kind != MetricKind::Gauge, "{query}: counters grow, gauges stand");
        let by = query.split_once("by (").unwrap().1.split_once(')').unwrap().0;
        for label in by.split(", ").filter(|label| !["instance", "le"].contains(label)) {
            assert!(metric.labels.contains(&label), "{query}: {} has no label {label}", metric.name);
        }
        assert_eq!(query.contains("model=~"), metric.labels.contains(&"model"), "{query}");
        seen.insert(metric.name);
    }
    for what in
        ["requests_total", "request_duration_seconds", "call_duration_seconds", "compute_waiting", "model_bytes"]
    {
        assert!(seen.contains(&*format!("forebay_{what}")), "{what}");
    }
    for variable in read["templating"]["list"].as_array().unwrap() {
        let names = named(variable["query"].as_str().unwrap());
        assert!(names.iter().all(|name| TABLE.iter().any(|metric| metric.name == name)), "{variable}");
    }
    check_page("docs/dashboard/forebay.json", &page);
}
