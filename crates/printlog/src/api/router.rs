//! The router of the whole server: the routes by the access they need, and the layers around them.

use axum::{Router, middleware};
use tokio::sync::watch;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        access::{auth, keys, landing_page, session},
        analytics, docs,
        http::{base_path, service},
        jobs::{self, bulk, deleted, details, export, facets, gcode_file, notes},
        live,
        printers::{self, discovery, status},
        state::ApiState,
        system::{self, health, metrics_route, settings},
        web_ui,
    },
    config::Config,
};

/// The router of the whole server.
pub(crate) fn router(state: ApiState, settings: watch::Receiver<Config>) -> Router {
    let config = settings.borrow().api.clone();
    let (data, _) = data_routes().split_for_parts();
    let (admin, _) = admin_routes().split_for_parts();
    let (open, _) = open_routes().split_for_parts();
    let data = data.route_layer(middleware::from_fn_with_state(state.clone(), auth::require_key));
    let admin = admin.route_layer(middleware::from_fn_with_state(
        state.clone(),
        auth::require_admin_key,
    ));
    let router = Router::new()
        .merge(data)
        .merge(admin)
        .merge(open)
        .merge(docs::routes(&config.base_path))
        .merge(landing_page::routes())
        .method_not_allowed_fallback(service::method_not_allowed)
        .fallback(service::no_such_route)
        .layer(middleware::from_fn_with_state(
            state.clone(),
            metrics_route::timed,
        ))
        .with_state(state);
    let router = service::layers(web_ui::before(router, &config.base_path), &config.frame_ancestors);
    let router = service::for_other_origins(router, settings);
    base_path::under(&config.base_path, router)
}

/// Routes that need an API key: `read` for safe methods, else `admin`.
pub(super) fn data_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(printers::list_printers, printers::create_printer))
        .routes(routes!(printers::test_printer))
        .routes(routes!(discovery::discover_printers))
        .routes(routes!(
            printers::get_printer,
            printers::replace_printer,
            printers::delete_printer
        ))
        .routes(routes!(status::get_printer_status))
        .routes(routes!(metrics_route::get_metrics))
        .routes(routes!(live::follow_printers))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(export::export_jobs))
        .routes(routes!(facets::get_facets))
        .routes(routes!(bulk::change_jobs))
        .routes(routes!(deleted::list_deleted_jobs))
        .routes(routes!(deleted::restore_job))
        .routes(routes!(jobs::get_job, notes::change_job, deleted::delete_job))
        .routes(routes!(notes::list_job_changes))
        .routes(routes!(notes::list_tags))
        .routes(routes!(notes::list_verdict_reasons, notes::create_verdict_reason))
        .routes(routes!(notes::delete_verdict_reason))
        .routes(routes!(details::get_job_details))
        .routes(routes!(details::refresh_job_details))
        .routes(routes!(details::get_job_thumbnail))
        .routes(routes!(gcode_file::parse_gcode))
        .merge(analytics::router())
        .routes(routes!(system::get_system))
        .routes(routes!(settings::get_currency, settings::set_currency))
}

/// Routes that need an API key with the scope `admin`.
pub(super) fn admin_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::revoke_key))
}

/// Public routes.
pub(super) fn open_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health::get_health))
        .routes(routes!(session::sign_in, session::get_session, session::sign_out))
}
