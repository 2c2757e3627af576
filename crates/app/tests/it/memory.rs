//! Memory that a model took is given back when it is unloaded.

use std::{fmt::Write as _, time::Duration};

use crate::{serve::Server, support::Temp};

/// A sum of small trees, some 500 bytes each.
fn forest(trees: usize) -> String {
    let fields: String =
        (0..8).map(|at| format!("<DataField name='f{at}' optype='continuous' dataType='double'/>")).collect();
    let mining: String = (0..8).map(|at| format!("<MiningField name='f{at}'/>")).collect();
    let mut text = format!(
        "<PMML version='4.4' xmlns='http://www.dmg.org/PMML-4_4'><Header/><DataDictionary>{fields}\
         <DataField name='y' optype='continuous' dataType='double'/></DataDictionary>\
         <MiningModel functionName='regression'><MiningSchema>{mining}<MiningField name='y' usageType='target'/></MiningSchema>\
         <Segmentation multipleModelMethod='sum'>"
    );
    for tree in 0..trees {
        let (field, at) = (tree % 8, tree as f64 / trees as f64);
        let _ = write!(
            text,
            "<Segment><True/><TreeModel functionName='regression'><MiningSchema><MiningField name='f{field}'/></MiningSchema>\
             <Node><True/><Node score='{at}'><SimplePredicate field='f{field}' operator='lessThan' value='{at}'/></Node>\
             <Node score='-{at}'><SimplePredicate field='f{field}' operator='greaterOrEqual' value='{at}'/></Node></Node>\
             </TreeModel></Segment>"
        );
    }
    text + "</Segmentation></MiningModel></PMML>"
}

/// Returns the least megabytes that are resident within three seconds, or sooner once they are below `enough`.
fn resident(server: &Server, enough: f64) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..30 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        least = least.min(line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0);
        if least < enough {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    least
}

#[test]
fn what_a_model_took_is_given_back() {
    let temp = Temp::new();
    temp.copy("examples/models/text", "models/words");
    temp.write("models/large.pmml", forest(40_000));
    let config = temp.write("forebay.toml", "[models]\nload = 'lazy'\n");
    let server = Server::start(&[&temp.path("models"), "--config", &config]).until_ready();
    let row = format!("{{{}}}", (0..8).map(|at| format!("\"f{at}\": 0.5")).collect::<Vec<_>>().join(","));
    let ask = |path: &str, body: &str| {
        let (status, answer) = server.send("POST", path, body);
        assert_eq!(status, 200, "{answer}");
    };
    let without = resident(&server, 0.0);
    for round in 0..3 {
        ask("/api/v1/serve/large", &row);
        let with = resident(&server, 0.0);
        ask("/v2/repository/models/large/unload", "");
        let bound = without + 0.3 * (with - without);
        let mut after = f64::INFINITY;
        // A limit against waiting for ever.
        for _ in 0..10 {
            after = resident(&server, bound);
            if after < bound {
                break;
            }
        }
        let told = format!("round {round}: {without:.0} MiB before, {with:.0} with the model, {after:.0} without it");
        eprintln!("{told}");
        assert!(with > without && after < bound, "{told}");
    }
}
