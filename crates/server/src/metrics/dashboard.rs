//! The dashboard `docs/dashboard/forebay.json`, for Grafana, made from the table of metrics.
//!
//! A panel names its metrics by the table's constants, so none is asked for that is not there; a test reads the file back all the same.

use serde_json::{Value, json};

use super::*;

/// One chart: what it shows and the queries behind it, each with the name of its lines.
struct Panel {
    title: &'static str,
    unit: &'static str,
    queries: Vec<(String, &'static str)>,
}

/// Picks what the page's variables say.
const PICKED: &str = r#"instance=~"$instance",model=~"$model""#;
const INSTANCE: &str = r#"instance=~"$instance""#;

fn panel<const N: usize>(title: &'static str, unit: &'static str, queries: [(String, &'static str); N]) -> Panel {
    Panel { title, unit, queries: queries.into() }
}

/// Returns how much a counter grows a second, by these labels.
fn rate(metric: &Metric, by: &str) -> String {
    let picked = if metric.labels.contains(&"model") { PICKED } else { INSTANCE };
    format!("sum by ({by}) (rate({}{{{picked}}}[$__rate_interval]))", metric.name)
}

fn gauge(metric: &Metric, by: &str) -> String {
    let picked = if metric.labels.contains(&"model") { PICKED } else { INSTANCE };
    format!("sum by ({by}) ({}{{{picked}}})", metric.name)
}

/// Returns what a part of the requests stays under.
fn quantile(q: f64, metric: &Metric, by: &str) -> String {
    let name = metric.name;
    let picked = if metric.labels.contains(&"model") { PICKED } else { INSTANCE };
    format!("histogram_quantile({q}, sum by (le, {by}) (rate({name}_bucket{{{picked}}}[$__rate_interval])))")
}

fn rows() -> Vec<(&'static str, Vec<Panel>)> {
    let failures = format!(r#"{{{PICKED},code!~"2.."}}[$__rate_interval]))"#);
    let failures = format!("sum by (model, code) (rate({}{failures}", REQUESTS.name);
    vec![
        (
            "Requests",
            vec![
                panel("Requests by model", "reqps", [(rate(&REQUESTS, "model"), "{{model}}")]),
                panel("Requests by protocol", "reqps", [(rate(&REQUESTS, "dialect"), "{{dialect}}")]),
                panel("Failures by model and code", "reqps", [(failures, "{{model}} {{code}}")]),
                panel("Rows by model", "rowsps", [(rate(&ROWS, "model"), "{{model}}")]),
                panel("Refused rows by model", "rowsps", [(rate(&ROW_FAULTS, "model"), "{{model}}")]),
                panel("Captured rows", "rowsps", [(rate(&CAPTURED, "instance"), "{{instance}}")]),
                panel("In flight", "short", [(gauge(&IN_FLIGHT, "instance"), "{{instance}}")]),
            ],
        ),
        (
            "Latency",
            vec![
                panel("p50 by model", "s", [(quantile(0.5, &DURATION, "model"), "{{model}}")]),
                panel("p99 by model", "s", [(quantile(0.99, &DURATION, "model"), "{{model}}")]),
                panel("p99 by protocol", "s", [(quantile(0.99, &DURATION, "dialect"), "{{dialect}}")]),
                panel(
                    "p99 by version",
                    "s",
                    [(quantile(0.99, &CALL_DURATION, "model, version"), "{{model}} {{version}}")],
                ),
            ],
        ),
        (
            "Load",
            vec![
                panel("Waiting for a compute thread", "short", [(gauge(&COMPUTE_WAITING, "instance"), "{{instance}}")]),
                panel("p99 of that wait", "s", [(quantile(0.99, &QUEUE, "instance"), "{{instance}}")]),
                panel("Calls answered together, p99", "short", [(quantile(0.99, &JOINED, "model"), "{{model}}")]),
                panel("Ended by a policy", "reqps", [(rate(&REFUSED, "policy"), "{{policy}}")]),
                panel("Not let in, by reason", "reqps", [(rate(&AUTH, "reason"), "{{reason}}")]),
                panel(
                    "Connections",
                    "short",
                    [
                        (gauge(&CONNECTIONS, "instance"), "open {{instance}}"),
                        (rate(&HANDSHAKES, "instance"), "handshakes failed a second {{instance}}"),
                    ],
                ),
            ],
        ),
        (
            "Models",
            vec![
                panel("Versions by state", "short", [(gauge(&MODELS, "state"), "{{state}}")]),
                panel("Memory by version", "bytes", [(gauge(&MODEL_BYTES, "model, version"), "{{model}} {{version}}")]),
                panel("Loads", "short", [(rate(&LOADS, "model, result"), "{{model}} {{result}}")]),
                panel("Time spent loading", "percentunit", [(rate(&LOAD_TIME, "instance"), "{{instance}}")]),
            ],
        ),
        ("Process", process()),
    ]
}

fn process() -> Vec<Panel> {
    vec![
        panel("Processor", "percentunit", [(rate(&CPU, "instance"), "{{instance}}")]),
        panel("Resident memory", "bytes", [(gauge(&RSS, "instance"), "{{instance}}")]),
        panel("Builds", "short", [(gauge(&BUILD, "instance, version"), "{{instance}} {{version}}")]),
        panel("Up since", "dateTimeFromNow", [(format!("1000 * {}", gauge(&START, "instance")), "{{instance}}")]),
        panel(
            "Lost: spans, lines of the access log; panics",
            "short",
            [
                (rate(&SPANS, "instance"), "spans {{instance}}"),
                (rate(&SPANS_DROPPED, "instance"), "spans lost {{instance}}"),
                (rate(&ACCESS_DROPPED, "instance"), "lines lost {{instance}}"),
                (rate(&CAPTURE_DROPPED, "instance"), "captured calls lost {{instance}}"),
                (rate(&PANICS, "instance"), "panics {{instance}}"),
            ],
        ),
    ]
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${source}"})
}

fn drawn(panel: &Panel, id: usize, x: usize, y: usize) -> Value {
    let target = |(place, (query, legend)): (usize, &(String, &str))| {
        let reference = char::from(b'A' + place as u8).to_string();
        json!({"refId": reference, "datasource": source(), "expr": query, "legendFormat": legend})
    };
    json!({
        "id": id,
        "type": "timeseries",
        "title": panel.title,
        "datasource": source(),
        "gridPos": {"h": 8, "w": 8, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": panel.queries.iter().enumerate().map(target).collect::<Vec<_>>(),
    })
}

/// Returns a variable of the page: values of a label.
fn variable(name: &str, metric: &Metric, label: &str) -> Value {
    json!({
        "name": name,
        "type": "query",
        "datasource": source(),
        "query": format!("label_values({}, {label})", metric.name),
        "refresh": 2,
        "includeAll": true,
        "allValue": ".*",
        "multi": true,
        "current": {"text": "All", "value": "$__all"},
    })
}

/// Returns the page as Grafana imports it.
pub fn dashboard() -> String {
    let (mut panels, mut y, mut id) = (Vec::new(), 0, 1);
    for (title, row) in rows() {
        panels.push(json!({"id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}}));
        (y, id) = (y + 1, id + 1);
        for (place, panel) in row.iter().enumerate() {
            panels.push(drawn(panel, id, place % 3 * 8, y + place / 3 * 8));
            id += 1;
        }
        y += row.len().div_ceil(3) * 8;
    }
    let page = json!({
        "uid": "forebay",
        "title": "Forebay",
        "tags": ["forebay"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"},
            variable("instance", &BUILD, "instance"),
            variable("model", &REQUESTS, "model"),
        ]},
        "panels": panels,
    });
    let mut text = serde_json::to_string_pretty(&page).expect("values are JSON");
    text.push('\n');
    text
}
