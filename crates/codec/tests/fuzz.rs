//! The fuzz entries over seeds that a small mutator spoils, always in the same way.

use codec::fuzz;

const ROW: &str = r#"{"a":-9007199254740993,"b":1e-5,"c":"ä\u00e4\n","d":{"b64":"//4="},"e":"2024-02-29T01:02:03.5+01:00",
    "f":{"type":0,"size":9,"indices":[0,3],"values":[1,"NaN"]},"g":[["x",null],[]],"h":{"x":1,"y":[[1],{"values":[2]}]},
    "i":{"7":true,"8":null},"j":[[1],[2.5]],"k":3,"l":[1,2]}"#;

/// Numbers that look random and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }
}

/// Changes a few places: bytes replaced, runs cut out, doubled, or swapped for what parsers stumble over.
fn spoil(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const TOKENS: [&str; 16] = [
        "null",
        "\"",
        "[",
        "{",
        "}",
        "]",
        ",",
        ":",
        "-0",
        "1e999",
        "\\u",
        "18446744073709551616",
        "\"NaN\"",
        "<",
        "`",
        "\n",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..1 + numbers.next(3) {
        let at = numbers.next(bytes.len() + 1);
        let end = (at + numbers.next(12)).min(bytes.len());
        match numbers.next(5) {
            0 if at < bytes.len() => bytes[at] = numbers.next(256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let run = bytes[at..end].repeat(1 + numbers.next(40));
                bytes.splice(at..at, run);
            }
            3 => drop(bytes.splice(at..end, TOKENS[numbers.next(TOKENS.len())].bytes())),
            _ => drop(bytes.splice(at..at, TOKENS[numbers.next(TOKENS.len())].bytes())),
        }
    }
    bytes
}

fn check(seeds: &[String], entry: fn(&[u8])) {
    const ROUNDS: usize = 4000;
    let mut numbers = Numbers(1);
    for seed in seeds {
        entry(seed.as_bytes());
        (0..ROUNDS / seeds.len()).for_each(|_| entry(&spoil(seed.as_bytes(), &mut numbers)));
    }
}

#[test]
fn json_rows() {
    let line = ROW.replace('\n', "");
    let half = line.replace("\"k\":3", "\"k\":0.5").replace("\"l\":[1,2]", "\"l\":[0.5]");
    check(&[ROW.to_owned(), format!("[{line},{half},{line}]"), [&*line, &half, &line, ""].join("\n")], fuzz::json_rows);
}

#[test]
fn v2_request() {
    let tensor = |name: &str, shape: &str, datatype: &str, data: &str| {
        format!(r#"{{"name":"{name}","shape":{shape},"datatype":"{datatype}","data":{data}}}"#)
    };
    let inputs = [
        tensor("a", "[2]", "INT64", "[1,-2]"),
        tensor("c", "[2,1]", "BYTES", r#"["x",{"b64":"/w=="}]"#),
        tensor("f", "[2,3]", "FP64", r#"[[1,2,3],["NaN",0,1e5]]"#),
        tensor("g", "[2]", "BYTES", r#"["[[\"x\"]]",null]"#),
    ];
    let whole = format!(r#"{{"id":"7","inputs":[{}],"outputs":[{{"name":"a"}}]}}"#, inputs.join(","));
    let single = |input: &String| format!(r#"{{"inputs":[{input}]}}"#);
    let seeds: Vec<String> = inputs.iter().map(single).chain([whole]).collect();
    check(&seeds, fuzz::v2_request);
}

#[test]
fn v2_binary() {
    let input = |name: &str, datatype: &str, size: usize| {
        format!(r#"{{"name":"{name}","shape":[2],"datatype":"{datatype}","parameters":{{"binary_data_size":{size}}}}}"#)
    };
    let outputs =
        r#""outputs":[{"name":"a","parameters":{"binary_data":true}},{"name":"b","parameters":{"classification":2}}]"#;
    let seed = |inputs: &[String], binary: &str| {
        let mut json = format!(r#"{{"inputs":[{}],{outputs}}}"#, inputs.join(","));
        // The length stands before it, in bytes that are a text too.
        while json.len() % 256 > 127 {
            json.push(' ');
        }
        let length = (json.len() as u16).to_le_bytes().map(char::from);
        format!("{}{}{json}{binary}", length[0], length[1])
    };
    let texts = "\u{1}\0\0\0a\u{2}\0\0\0bc";
    let seeds = [seed(&[input("a", "INT64", 16)], "12345678abcdefgh"), seed(&[input("c", "BYTES", 11)], texts)];
    check(&seeds, fuzz::v2_binary);
}

#[test]
fn json_columns() {
    let columns = ROW.replace("\"a\":", "\"a\":[").replace(",\"b\":1e-5", "],\"b\":[1e-5]");
    check(&[ROW.to_owned(), columns, r#"{"k":[1,2.5,null],"l":[[],["x"]]}"#.to_owned()], fuzz::json_columns);
}

#[test]
fn json_split() {
    let names = r#"["a","b","c","d","e","f","g","h","i","j","k","l","z"]"#;
    let row = r#"[1,2.5,"x","y","2024-02-29T00:00:00Z",[1,2],[["x"]],{"x":1},{"7":true},[[1],[2]],3,[1],null]"#;
    let split = format!(r#"{{"columns":{names},"index":[0],"data":[{row},{row}]}}"#);
    check(&[split, format!("[{}]", row.replace(",null]", "]"))], fuzz::json_split);
}

#[test]
fn dialects() {
    let line = ROW.replace('\n', "");
    let seeds = [
        format!(r#"{{"dataframe_records":[{line}],"params":{{}}}}"#),
        format!(r#"{{"id":"a","requests":[{{"id":"b","arguments":{line}}},{{"arguments":{{}}}}]}}"#),
        r#"{"signature_name":"s","context":{"a":[1,true]},"examples":[{"x":[1.5,NaN],"y":{"b64":"/w=="}},{}]}"#
            .to_owned(),
        "Id;a;b;c;d;e;f;g;h;i;j;k;l\nr;1;2.5;x;;2024-02-29;[1,2];[];{};{};[[1],[2]];3;[1]\n".to_owned(),
    ];
    check(&seeds, fuzz::dialects);
}

#[test]
fn packed_bodies() {
    let mut numbers = Numbers(1);
    for coding in codec::coding::Coding::ALL {
        let seed = coding.pack(&b"forebay ".repeat(100)).expect("memory takes every byte");
        (0..2000).for_each(|_| fuzz::coding(&spoil(&seed, &mut numbers)));
    }
}

#[test]
fn csv() {
    let header = "a,b,c,d,e,f,g,h,i,j,k,l\n";
    let row = r#"1,2.5,"x ""y""",,2024-02-29,"[1,2]","[[""x""]]","{""x"":1}","{""7"":true}","[[1],[2]]",3,"[1]""#;
    check(&[format!("{header}{row}\n{row}\n"), format!("{header}{row}\n").replace(',', ";")], fuzz::csv);
}

#[test]
fn schemas() {
    let ddl = "a int NOT NULL COMMENT 'x', `b c` array<map<string,struct<d:vector[3],e: float32[2,3]>>>, f varchar(3)";
    check(&[ddl.to_owned()], fuzz::schema_ddl);
    let json = r#"{"columns":[{"name":"a","type":"array<int>","metadata":{"x":[{}]}},{"name":"b","type":"vector"}]}"#;
    check(&[json.to_owned()], fuzz::schema_json);
}
