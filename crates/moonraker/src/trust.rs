//! Trusted certificates: public authorities, those of the system, and those in a file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use reqwest::redirect::Policy;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

/// Timeout to connect, and between two pieces of an answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long an idle connection is kept for the next read of the same file.
const IDLE: Duration = Duration::from_secs(2);

/// Why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file does not exist, or cannot be read.
    #[error("cannot read the certificates in {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The file contains something else.
    #[error(
        "{} contains no certificate; expected PEM, which begins with -----BEGIN CERTIFICATE-----",
        .path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate is broken.
    #[error("a certificate in {} cannot be used", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
}

/// TLS settings that all connections of this process share.
#[derive(Debug)]
pub(crate) struct Trust {
    /// For WebSockets.
    pub(crate) tls: Arc<ClientConfig>,
    /// For files. It keeps a connection only for the reads of one file, and follows no redirect.
    pub(crate) http: reqwest::Client,
}

/// Loaded once and shared by all printers, like the system's authorities.
static CURRENT: RwLock<Option<Arc<Trust>>> = RwLock::new(None);

/// Adds the certificates in a PEM file to the trusted ones, for all connections from now on. The file can contain
/// authorities and self-signed certificates of printers.
///
/// # Errors
/// If the file cannot be read, or contains no certificate.
pub fn trust_ca_file(path: &Path) -> Result<(), TrustError> {
    let pem = fs::read(path).map_err(|source| TrustError::Read {
        path: path.to_owned(),
        source,
    })?;
    let known: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if known.is_empty() {
        return Err(TrustError::NoCertificate {
            path: path.to_owned(),
        });
    }
    let trust = Trust::of(known).map_err(|source| TrustError::Unusable {
        path: path.to_owned(),
        source,
    })?;
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(trust));
    Ok(())
}

pub(crate) fn current() -> Arc<Trust> {
    if let Some(trust) = &*CURRENT.read().unwrap_or_else(PoisonError::into_inner) {
        return Arc::clone(trust);
    }
    let mut current = CURRENT.write().unwrap_or_else(PoisonError::into_inner);
    let trust = current.get_or_insert_with(|| {
        Arc::new(Trust::of(Vec::new()).expect("the authorities of the web are usable"))
    });
    Arc::clone(trust)
}

impl Trust {
    fn of(known: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        // A system without authorities adds none.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in &known {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let web = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|cause| rustls::Error::General(cause.to_string()))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { web, known }))
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config.clone())
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(TIMEOUT)
            .read_timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .build()
            .expect("a client needs nothing but its TLS configuration, which is given");
        Ok(Self {
            tls: Arc::new(config),
            http,
        })
    }
}

/// Verifies a chain as browsers do, but accepts a certificate from the user's file as is: a self-signed certificate is
/// not an authority, and often has another name than the printer has now.
#[derive(Debug)]
struct Verifier {
    web: Arc<WebPkiServerVerifier>,
    known: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.known.iter().any(|known| known == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.web
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.web.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.web.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.web.supported_verify_schemes()
    }
}

/// Explains what is wrong with a certificate, and what the user can do.
pub(crate) fn describe(cause: &CertificateError) -> String {
    match cause {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired; renew it, or check the clock of this machine".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; check the clocks of this machine and of the printer".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name; use a name from the certificate, or add the certificate to the file of `moonraker.ca_file`"
                .to_owned()
        }
        // Most self-signed certificates are marked as authorities by mistake, which webpki reports as another error.
        CertificateError::UnknownIssuer | CertificateError::Other(_) => {
            "is not signed by a trusted authority; put the authority's certificate, or the self-signed one, into a PEM \
             file and set `moonraker.ca_file` to it"
                .to_owned()
        }
        cause => format!("cannot be used: {cause}"),
    }
}
