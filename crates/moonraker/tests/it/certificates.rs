//! Printers with certificates of a private authority, and printers with self-signed ones.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use moonraker::{
    ConnectError, ConnectOptions, Endpoint, TrustError, connect, read_gcode_part, trust_ca_file,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::fake::FakeServer;

/// The certificate to trust, in PEM, the server's certificate, and its key.
struct Identity {
    trusted: String,
    shown: CertificateDer<'static>,
    key: KeyPair,
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64_STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn signed_by_an_authority(names: &[&str]) -> Identity {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    Identity {
        trusted: pem(authority.der()),
        shown: certificate.der().clone(),
        key,
    }
}

/// A certificate as `openssl req -x509` creates it: an authority, for any name.
fn self_signed(name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        trusted: pem(certificate.der()),
        shown: certificate.der().clone(),
        key,
    }
}

fn acceptor(identity: &Identity) -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.shown.clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Reads first the WebSocket and then a file of a printer with this certificate.
async fn read(server: &FakeServer, identity: &Identity) -> Result<Vec<u8>, ConnectError> {
    let endpoint = Endpoint::parse(&format!("https://localhost:{}", server.port()), None).unwrap();
    let acceptor = acceptor(identity);
    let serve = async {
        let stream = acceptor.accept(server.accept_tcp().await).await.ok()?;
        tokio_tungstenite::accept_async(stream).await.ok()
    };
    let options = ConnectOptions::default();
    let (connection, _socket) = tokio::join!(connect(&endpoint, &options), serve);
    drop(connection?);
    let serve = async {
        let mut stream = acceptor.accept(server.accept_tcp().await).await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nM104 ";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.ok();
    };
    let (part, ()) = tokio::join!(read_gcode_part(&endpoint, "a.gcode", 0..5), serve);
    Ok(part.unwrap().bytes)
}

fn trust(pem: &str) -> Result<(), TrustError> {
    let folder = std::env::temp_dir().join(format!("printlog-certificates-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    let result = trust_ca_file(&path);
    std::fs::remove_dir_all(&folder).unwrap();
    result
}

#[tokio::test]
async fn certificates_are_trusted_once_the_file_names_them() {
    let server = FakeServer::bind().await;
    for identity in [
        signed_by_an_authority(&["localhost"]),
        self_signed("localhost"),
        self_signed("another-name"),
    ] {
        let error = read(&server, &identity).await.unwrap_err();
        let ConnectError::Certificate { why, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(why.contains("moonraker.ca_file"), "{error}");
        trust(&identity.trusted).unwrap();
        assert_eq!(read(&server, &identity).await.unwrap(), b"M104 ");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let server = FakeServer::bind().await;
    let identity = signed_by_an_authority(&["another-name"]);
    trust(&identity.trusted).unwrap();
    let error = read(&server, &identity).await.unwrap_err().to_string();
    assert!(
        error.contains("is for another name; use a name from the certificate"),
        "{error}"
    );

    let mut expired = self_signed("localhost");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    expired.shown = params.signed_by(&expired.key, &authority).unwrap().der().clone();
    trust(&pem(authority.der())).unwrap();
    let error = read(&server, &expired).await.unwrap_err().to_string();
    assert!(error.contains("has expired"), "{error}");
}

#[test]
fn a_file_without_certificates_is_refused() {
    for pem in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    ] {
        let error = trust(pem).unwrap_err();
        assert!(
            matches!(error, TrustError::NoCertificate { .. }),
            "{pem}: {error}"
        );
    }
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(trust(garbage).unwrap_err(), TrustError::Unusable { .. }));
    let error = trust_ca_file("/no/such/file.pem".as_ref()).unwrap_err();
    assert!(error.to_string().contains("/no/such/file.pem"), "{error}");
}
