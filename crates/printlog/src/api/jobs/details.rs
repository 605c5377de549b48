//! The slicer data of a job: settings, materials and images.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use domain::JobId;
use gcode::{Speeds, StoredMetadata, StoredWarning, Tool, WeightSource};
use serde::Serialize;
use serde_json::Value;
use store::{FullJob, ThumbnailInfo};
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::{NoQuery, PathId},
            fault::Fault,
            query::{Query, parameters},
        },
        jobs::no_such_job,
        schema_enums,
        state::{ApiState, Core},
    },
    details::stored_metadata,
    input,
};

/// Larger than any image.
const LARGEST: u64 = 100_000;

/// Slicer data from the file of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobDetails)]
pub(crate) struct DetailsBody {
    /// Source: `file`, or `moonraker` (its metadata) if the file could not be read.
    #[schema(value_type = Option<schema_enums::DetailsSource>)]
    source: Option<&'static str>,
    slicer: Option<String>,
    slicer_version: Option<String>,
    printer_model: Option<String>,
    /// Name of the printer profile.
    printer_profile: Option<String>,
    /// Name of the print (process, quality) profile.
    print_profile: Option<String>,
    /// mm
    nozzle_diameter: Option<f64>,
    /// mm
    layer_height: Option<f64>,
    /// mm
    first_layer_height: Option<f64>,
    /// °C
    nozzle_temp: Option<f64>,
    /// °C
    nozzle_temp_first_layer: Option<f64>,
    /// °C
    bed_temp: Option<f64>,
    /// °C
    bed_temp_first_layer: Option<f64>,
    /// Build plate, as the slicer spells it.
    bed_type: Option<String>,
    /// °C
    chamber_temp: Option<f64>,
    /// mm/s
    print_speed: Option<f64>,
    /// mm/s by feature: `outer_wall`, `inner_wall`, `infill`, `solid_infill`, `top_surface`, `support`, `first_layer`,
    /// `travel`.
    #[schema(value_type = Option<Object>)]
    speeds: Option<Speeds>,
    /// 0 to 100
    infill_percentage: Option<f64>,
    infill_pattern: Option<String>,
    support_enabled: Option<bool>,
    support_type: Option<String>,
    wall_count: Option<i64>,
    top_layers: Option<i64>,
    bottom_layers: Option<i64>,
    /// Whether the print uses spiral vase mode.
    spiral_vase: Option<bool>,
    /// Material with the largest weight.
    #[schema(example = "PLA")]
    filament_type: Option<String>,
    /// Name of the filament profile.
    filament_name: Option<String>,
    filament_brand: Option<String>,
    filament_color: Option<String>,
    /// Planned by the slicer, in mm.
    filament_used_mm: Option<f64>,
    /// Planned by the slicer, in cm³.
    filament_used_cm3: Option<f64>,
    /// In the slicer's currency.
    filament_cost: Option<f64>,
    /// Currency, such as `EUR`, if the file gives it.
    currency: Option<String>,
    /// Seconds.
    estimated_time: Option<f64>,
    /// Seconds in silent (stealth) mode.
    estimated_time_silent: Option<f64>,
    /// Planned by the slicer, in g.
    estimated_filament: Option<f64>,
    /// Used by the job, in g, computed from the measured length; also correct for jobs that ended early.
    filament_used_g: Option<f64>,
    /// How `filament_used_g` was computed: with `slicer_ratio`, `file_density` or `usual_density` (of the material).
    #[schema(value_type = Option<String>)]
    filament_used_g_source: Option<WeightSource>,
    layer_count: Option<i64>,
    /// mm
    object_height: Option<f64>,
    /// Names of the objects on the plate.
    objects: Vec<String>,
    /// Materials, one per slot of the printer.
    #[schema(value_type = Vec<Object>)]
    tools: Vec<Tool>,
    /// Images, smallest first.
    thumbnails: Vec<ThumbnailBody>,
    /// Missing or contradictory data in the file.
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<StoredWarning>,
    /// All keys and values of the file, unchanged. Only with `raw=true`.
    #[schema(value_type = Option<Object>)]
    raw_metadata: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Thumbnail)]
struct ThumbnailBody {
    width: u32,
    height: u32,
    #[schema(example = "image/png")]
    media_type: String,
    bytes: u64,
    /// Path of the image on this server.
    url: String,
}

parameters! {
    /// Whether raw metadata is included.
    pub(crate) struct RawParameters {
        /// Whether to include `details.raw_metadata`.
        #[param(value_type = Option<bool>)]
        pub(crate) raw: bool = one_or(false, input::truth),
    }
}

parameters! {
    /// Size of an image.
    pub(crate) struct SizeParameters {
        /// Minimum width in pixels. Defaults to the largest image.
        #[param(value_type = Option<u64>, minimum = 1, maximum = 100_000)]
        size: Option<u64> = one(input::whole(1, LARGEST)),
    }
}

/// The details of a job. `None` if there are none.
pub(crate) fn of_job(whole: &mut FullJob) -> Option<DetailsBody> {
    let id = whole.stored.id;
    let columns = whole.details.take()?;
    let mut file = whole.file.take();
    let raw_metadata = file.as_mut().and_then(|file| file.raw.take());
    let source = file.as_ref().map(|file| file.source.as_str());
    let StoredMetadata {
        details,
        tools,
        warnings,
        grams_per_mm,
        weight_source,
    } = file.map_or_else(StoredMetadata::default, |file| stored_metadata(file.metadata));
    let grams = grams_per_mm
        .zip(whole.stored.job.figures.filament_used)
        .map(|(per_mm, used)| (per_mm * used * 1000.0).round() / 1000.0);
    Some(DetailsBody {
        source,
        slicer: details.slicer,
        slicer_version: details.slicer_version,
        printer_model: details.printer_model,
        printer_profile: details.printer_profile,
        print_profile: details.print_profile,
        nozzle_diameter: details.nozzle_diameter,
        layer_height: columns.layer_height,
        first_layer_height: columns.first_layer_height,
        nozzle_temp: columns.nozzle_temp,
        nozzle_temp_first_layer: details.nozzle_temp_first_layer,
        bed_temp: columns.bed_temp,
        bed_temp_first_layer: details.bed_temp_first_layer,
        bed_type: details.bed_type,
        chamber_temp: details.chamber_temp,
        print_speed: columns.print_speed,
        speeds: source.map(|_| details.speeds),
        infill_percentage: columns.infill_percentage,
        infill_pattern: columns.infill_pattern,
        support_enabled: columns.support_enabled,
        support_type: columns.support_type,
        wall_count: details.wall_count.map(i64::from),
        top_layers: details.top_layers.map(i64::from),
        bottom_layers: details.bottom_layers.map(i64::from),
        spiral_vase: details.spiral_vase,
        filament_type: columns.filament_type,
        filament_name: details.filament_name,
        filament_brand: columns.filament_brand,
        filament_color: columns.filament_color,
        filament_used_mm: details.filament_used_mm,
        filament_used_cm3: details.filament_used_cm3,
        filament_cost: details.filament_cost,
        currency: details.currency,
        estimated_time: columns.estimated_time,
        estimated_time_silent: details.estimated_time_silent.map(|seconds| seconds as f64),
        estimated_filament: columns.estimated_filament,
        filament_used_g: grams,
        filament_used_g_source: grams.and(weight_source),
        layer_count: columns.layer_count,
        object_height: columns.object_height,
        objects: details.objects,
        tools,
        warnings,
        thumbnails: whole
            .thumbnails
            .drain(..)
            .map(|info| ThumbnailBody {
                url: format!("/api/jobs/{}/thumbnail?size={}", id.0, info.width.max(1)),
                width: info.width,
                height: info.height,
                media_type: info.media_type,
                bytes: info.bytes,
            })
            .collect(),
        raw_metadata: raw_metadata.or(columns.raw_metadata),
    })
}

/// Show the slicer data of a job
#[utoipa::path(get, path = "/api/jobs/{id}/details", tag = "jobs",
    params(
        ("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The job."),
        RawParameters,
    ),
    responses(
        (status = 200, body = DetailsBody),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "No such job, or it has no details."),
    ))]
pub(crate) async fn get_job_details(
    core: Core,
    id: PathId,
    Query(query): Query<RawParameters>,
) -> ApiResult<Json<DetailsBody>> {
    let id = JobId(id.0);
    let job = core.store.full_job(id, query.raw).await?;
    match of_job(&mut job.ok_or_else(|| no_such_job(id))?) {
        Some(details) => Ok(Json(details)),
        None => Err(Problem::not_found(Fault::DetailsNotFound { id: id.0 })),
    }
}

/// Read the details of a job again
///
/// The details are read in the background, as soon as possible.
#[utoipa::path(post, path = "/api/jobs/{id}/details/refresh", tag = "jobs",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The job.")),
    responses(
        (status = 202, description = "Queued."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job."),
    ))]
pub(crate) async fn refresh_job_details(
    State(state): State<ApiState>,
    core: Core,
    id: PathId,
    _: NoQuery,
) -> ApiResult<StatusCode> {
    let id = JobId(id.0);
    match core.store.refresh_details(id, state.clock.now()).await? {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(no_such_job(id)),
    }
}

/// Show the image of a job
///
/// The smallest image that is at least `size` pixels wide, else the largest. It may be cached forever: `ETag` is its
/// hash.
#[utoipa::path(get, path = "/api/jobs/{id}/thumbnail", tag = "jobs",
    params(
        ("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The job."),
        SizeParameters,
    ),
    responses(
        (status = 200, content_type = "image/png", body = Vec<u8>, description = "The image: PNG, JPEG or BMP."),
        (status = 304, description = "The client has this image (`If-None-Match`)."),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "No such job, or it has no image."),
    ))]
pub(crate) async fn get_job_thumbnail(
    core: Core,
    id: PathId,
    Query(query): Query<SizeParameters>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let id = JobId(id.0);
    let none = || Problem::not_found(Fault::ImageNotFound { id: id.0 });
    let image = best(core.store.thumbnails_of(id).await?, query.size).ok_or_else(none)?;
    let tag = format!("\"{}\"", image.hash);
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(&tag));
    let caching = [
        (header::ETAG, tag),
        (
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable".to_owned(),
        ),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let data = core.store.thumbnail_data(&image.hash).await?.ok_or_else(none)?;
    Ok((caching, [(header::CONTENT_TYPE, image.media_type)], data).into_response())
}

/// The smallest image of at least the wanted width, else the largest. `images` are sorted by width.
fn best(mut images: Vec<ThumbnailInfo>, wanted: Option<u64>) -> Option<ThumbnailInfo> {
    let last = images.len().checked_sub(1)?;
    let position = wanted
        .and_then(|wanted| images.iter().position(|image| u64::from(image.width) >= wanted))
        .unwrap_or(last);
    Some(images.swap_remove(position))
}
