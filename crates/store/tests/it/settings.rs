use store::Error;

use crate::on_every_engine;

on_every_engine! {
    async fn currency_is_kept_and_the_configuration_overrides_it(db) {
        let store = &db.store;
        assert_eq!(store.currency(), None);
        store.set_currency(Some("EUR")).await.unwrap();
        store.set_currency(Some("CHF")).await.unwrap();
        assert_eq!(store.clone().currency().as_deref(), Some("CHF"));

        let again = db.open_again().await.unwrap();
        assert_eq!(again.currency().as_deref(), Some("CHF"));
        let configured = again.clone().with_currency(Some("USD"));
        assert_eq!(configured.currency().as_deref(), Some("USD"));

        // Another process changes it.
        store.set_currency(None).await.unwrap();
        assert_eq!(again.currency().as_deref(), Some("CHF"));
        again.read_settings().await.unwrap();
        assert_eq!(again.currency(), None);
        again.close().await.unwrap();

        let long = store.set_currency(Some(&"x".repeat(256))).await;
        assert!(matches!(long, Err(Error::TooLong { .. })), "{long:?}");
    }
}
