//! HTTPS, certificates, keys and roles from outside: a server by its configuration, and the commands that ask it.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

use crate::{
    serve::Server,
    support::{Temp, run},
};

const OPERATOR: &str = "operator-0123456789";

fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in der.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit =
            |i: usize| if i > chunk.len() { '=' } else { char::from(DIGITS[(bits >> (18 - 6 * i)) as usize & 63]) };
        text.extend((0..4).map(digit));
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// Writes an authority, a server's pair and a caller's pair; returns their paths.
fn certificates(temp: &Temp) -> [String; 5] {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = temp.write("ca.pem", pem("CERTIFICATE", params.self_signed(&key).unwrap().der()));
    let issuer = Issuer::new(params, key);
    let pair = |name: &str, address: Option<&str>| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.extend(address.map(|address| SanType::IpAddress(address.parse().unwrap())));
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &issuer).unwrap();
        (
            temp.write(&format!("{name}.pem"), pem("CERTIFICATE", cert.der())),
            temp.write(&format!("{name}.key"), pem("PRIVATE KEY", &key.serialize_der())),
        )
    };
    let ((cert, key), (caller, caller_key)) = (pair("server", Some("127.0.0.1")), pair("robot", None));
    [ca, cert, key, caller, caller_key]
}

#[test]
fn commands_ask_over_tls_with_a_key_or_a_certificate() {
    let temp = Temp::new();
    let [ca, cert, key, caller, caller_key] = certificates(&temp);
    let secret = temp.write("operator.key", format!("{OPERATOR}\n"));
    let file = temp.write(
        "f.toml",
        format!(
            "[server.tls]\ncert = '{cert}'\nkey = '{key}'\nclient_ca = '{ca}'\nclient_auth = 'optional'\n\
             [[auth.keys]]\nname = 'operator'\nfile = '{secret}'\nroles = ['admin']\n\
             [[auth.keys]]\nname = 'robot'\ncertificate = 'robot'\nroles = ['read']\n"
        ),
    );
    std::fs::create_dir(temp.path("models")).unwrap();
    // Public, and open to nobody without the role.
    let server = Server::start_at("0.0.0.0:0", &[&temp.path("models"), "--config", &file]);
    let url = format!("https://{}", server.address());
    let ask = |args: &[&str]| run(&[args, &["--server", &url]].concat());
    let upload = ["upload", "words", "examples/models/text", "--ca", &ca];
    ask(&upload).fails(1, "send a key or token");
    ask(&[&upload[..], &["--token", "nobody-knows-this"]].concat()).fails(1, "the key is not known");
    ask(&[&upload[..], &["--cert", &caller, "--key", &caller_key]].concat())
        .fails(1, "this takes the role admin; the caller has read");
    assert_eq!(ask(&[&upload[..], &["--token", OPERATOR]].concat()).ok(), "words version 1 available\n");
    let listed = ask(&["models", "--ca", &ca, "--cert", &caller, "--key", &caller_key]).ok();
    assert!(listed.contains("words"), "{listed}");
    // What is asked may stand in a file.
    let client = temp.write("client.toml", format!("[client]\nserver = '{url}'\nca = '{ca}'\ntoken = '{OPERATOR}'\n"));
    assert_eq!(run(&["models", "--config", &client]).ok(), listed);
    let shown = run(&["config", "show", "--config", &client]).ok();
    assert!(shown.contains("token = \"***\"") && !shown.contains(OPERATOR), "{shown}");
    ask(&["models", "--ca", &caller, "--token", OPERATOR]).fails(1, "https://");
    ask(&["models", "--ca", &ca, "--cert", &caller]).fails(2, "--cert and --key go together");
}
