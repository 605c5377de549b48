// Generated from openapi.json by `npm run generate`. Do not edit.

export interface paths {
    "/api/admin/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List API keys */
        get: operations["list_keys"];
        put?: never;
        /**
         * Create an API key
         * @description Only this response contains the key itself.
         */
        post: operations["create_key"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an API key
         * @description Takes effect at once. The last valid key with the scope `admin` cannot be revoked over the API, only on the command
         *     line.
         */
        delete: operations["revoke_key"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/estimates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compare estimates with reality
         * @description Median and quartiles for all jobs, and by printer, material and slicer. Groups of fewer than five jobs have the note
         *     `not enough data`.
         */
        get: operations["get_estimates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export all analytics
         * @description A workbook with one sheet for each card of the dashboard: summary, timeline, printers, filament, estimates, files (at most
         *     500), failures, ratings and hours of the week. Titles and values are translated. Durations are times of a spreadsheet,
         *     shares are percentages, and the unit of any other number is in the title of its column.
         */
        get: operations["export_analytics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/failures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show why, where and when jobs failed */
        get: operations["get_failures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/filament": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sum up filament
         * @description By type, brand, colour and printer; the group with the most jobs first. CSV contains all four in one table.
         */
        get: operations["get_filament"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the files that were printed
         * @description Each file with the number of its jobs, their outcomes, their sums, and the filament lost.
         */
        get: operations["get_files"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/heatmap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show when jobs start */
        get: operations["get_heatmap"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/printers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compare printers
         * @description Figures of each printer, including those without a job.
         */
        get: operations["compare_printers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/printers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show the figures of a printer */
        get: operations["get_printer_analytics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sum up all jobs
         * @description With `since` the figures are compared with those of another period, which `compare` chooses: the same number of days
         *     (or the same time, if the period does not begin and end at midnight) before; the same days of the month before; or
         *     the same days of the year before. A period that has not ended is compared only up to now. CSV has one row for each
         *     of the two periods.
         */
        get: operations["get_summary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show jobs over time
         * @description Buckets are hours, days, weeks, months or years in the time zone, including those without a job. A job belongs to
         *     the bucket in which it started. CSV has one row per bucket and series.
         */
        get: operations["get_timeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/verdicts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show users' verdicts
         * @description Jobs by verdict, the share of good ones, and the cost of scrap; for all jobs, and by reason, printer and material.
         */
        get: operations["get_verdicts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gcode/parse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read a G-code file
         * @description The body is the file, at most 16 MiB. For a larger file, its two ends are enough: send the first bytes followed by
         *     the last ones, with `head` and `size`. 64 KiB and 96 KiB suffice for nearly every file. Nothing is stored.
         */
        post: operations["parse_gcode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List jobs
         * @description Newest first by default. Every page takes the same time. For the next page, send `next` as `cursor`, with the same
         *     filters and `sort`.
         */
        get: operations["list_jobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change many jobs
         * @description Deletes, restores, rates or tags up to 1000 jobs in one transaction. Jobs that cannot be changed stay as they are,
         *     and are listed in `unchanged` with the reason.
         */
        post: operations["change_jobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/deleted": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List deleted jobs
         * @description Those that can still be restored, newest deletion first. `has_thumbnail` is false: a deleted job has no routes of its
         *     own. For the next page, send `next` as `cursor`, with the same `printer_id`.
         */
        get: operations["list_deleted_jobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export jobs, newest first
         * @description All jobs that match the filters, as a file that is generated while it is sent. docs/export.md describes the columns
         *     and their units. Texts are escaped so that spreadsheets do not evaluate them as formulas. The connection is closed
         *     if the client reads less than 64 KiB per minute.
         */
        get: operations["export_jobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/facets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the values that jobs can be filtered by
         * @description With the number of jobs of each, under the given filters.
         */
        get: operations["get_facets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a job, with its metadata and details */
        get: operations["get_job"];
        put?: never;
        post?: never;
        /**
         * Delete a job
         * @description The job is removed from the totals and is not imported from the printer's history again. It can be restored for the
         *     days of `retention.deleted_jobs`. A job that is being printed cannot be deleted (409).
         */
        delete: operations["delete_job"];
        options?: never;
        head?: never;
        /**
         * Change a job
         * @description Changes title, notes, tags and verdict, which belong to the user; data from the printer cannot be changed. Each
         *     change is logged with the name of the API key: see `/api/jobs/{id}/changes`.
         */
        patch: operations["change_job"];
        trace?: never;
    };
    "/api/jobs/{id}/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List changes of a job by users
         * @description Each entry has the changed field, its values, the time and the name of the API key.
         */
        get: operations["list_job_changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{id}/details": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show the slicer data of a job */
        get: operations["get_job_details"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{id}/details/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read the details of a job again
         * @description The details are read in the background, as soon as possible.
         */
        post: operations["refresh_job_details"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Restore a deleted job
         * @description The job gets back its id and everything that belonged to it, as if it had never been deleted.
         */
        post: operations["restore_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{id}/thumbnail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the image of a job
         * @description The smallest image that is at least `size` pixels wide, else the largest. It may be cached forever: `ETag` is its
         *     hash.
         */
        get: operations["get_job_thumbnail"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch all printers
         * @description A stream of Server-Sent Events, each with a name and one JSON object as data:
         *
         *     - `hello`: `{"version": …, "printers": [PrinterStatus, …]}`. The whole state: the first event of every connection,
         *       and sent again to a client that was too slow, so that no events have to be replayed.
         *     - `status`: `{"printer_id": 1, …}`. The changed fields of PrinterStatus, each complete. At most one event per second
         *       and printer. A change of `last_seen` alone sends no event.
         *     - `job`: `{"id": 7, "printer_id": 1, "change": "written"}` or `"deleted"`. A job was written, because its state, its
         *       details or a user's data changed or it was restored, or it was deleted. Checkpoints and imports send no event.
         *     - `printers`: `{}`. A printer was added, changed or removed.
         *     - `heartbeat`: `{}`. Every 10 s.
         *
         *     The stream ends when the session or the key ends, and with the server.
         */
        get: operations["follow_printers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/printers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List printers */
        get: operations["list_printers"];
        put?: never;
        /**
         * Add a printer
         * @description printlog connects at once and imports the printer's history in the background.
         */
        post: operations["create_printer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/printers/discover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Discover printers on the local network
         * @description Takes two seconds. Finds Moonrakers that announce themselves by multicast DNS (`[zeroconf]` in their configuration)
         *     on the networks of this server; inside a container, that is usually only the container's network.
         */
        get: operations["discover_printers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/printers/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Test an address and a key before saving them
         * @description Responds with 200 even if the printer cannot be recorded: see `ok`. If the address has no scheme or port, the usual
         *     ones are tried: 7125 (Moonraker's default), 80, and with TLS 443 and 7130.
         */
        post: operations["test_printer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/printers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a printer */
        get: operations["get_printer"];
        /**
         * Change a printer
         * @description Replaces all settings. If `moonraker_api_key` is omitted, the stored key stays, which requires the scheme, host and
         *     port that it was stored for; with another address, give the key again, or `null`. Takes effect at once.
         */
        put: operations["replace_printer"];
        post?: never;
        /**
         * Delete a printer
         * @description A printer with jobs is deleted only with `delete_jobs=true`; otherwise the response is 409 with their number in
         *     `job_count`. To stop recording and keep the jobs, set `is_active` to false instead.
         */
        delete: operations["delete_printer"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/printers/{id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show the current status of a printer */
        get: operations["get_printer_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the current session
         * @description 204 without a session.
         */
        get: operations["get_session"];
        put?: never;
        /**
         * Sign in
         * @description Opens a session for a browser: the cookie in the response replaces the key from then on. Its name is
         *     `printlog_session_` followed by eight digits that identify the database. It is HttpOnly and SameSite=Strict, and
         *     Secure if the request came over TLS (`X-Forwarded-Proto: https` from a proxy); with `api.frame_ancestors` and TLS it
         *     is SameSite=None and Partitioned. A session ends 30 days after its last use, when it is signed out, or with its key.
         *     Ten failed attempts per minute are allowed for each address. A sign-in is refused (403) if a proxy hides the address
         *     of the page, because all its changes would be refused.
         */
        post: operations["sign_in"];
        /**
         * Sign out
         * @description Ends the session of this browser, if it has one.
         */
        delete: operations["sign_out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/settings/currency": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show the currency */
        get: operations["get_currency"];
        /**
         * Set the currency
         * @description Changes the costs of files that name no currency, in lists and analytics, at once. 409 if the configuration file sets it.
         */
        put: operations["set_currency"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the server and its database
         * @description With `tz`, the response contains whether analytics accept that time zone: browsers know some that this server does
         *     not.
         */
        get: operations["get_system"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the tags of jobs */
        get: operations["list_tags"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/verdict-reasons": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the reasons for verdicts */
        get: operations["list_verdict_reasons"];
        put?: never;
        /**
         * Add a reason for verdicts
         * @description If the reason exists already, ignoring case, it is returned unchanged.
         */
        post: operations["create_verdict_reason"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/verdict-reasons/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a reason for verdicts
         * @description Jobs that have the reason keep it.
         */
        delete: operations["delete_verdict_reason"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check the server
         * @description Needs no key. 503 if a part does not work. A warning does not require a restart of the server.
         */
        get: operations["get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics for Prometheus
         * @description In the OpenMetrics text format. `docs/prometheus.md` lists all metrics. With `metrics.listen`, they are also served
         *     on a separate port, which needs no key.
         */
        get: operations["get_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description The figures of all jobs of a period. */
        AnalyticsSummary: components["schemas"]["Figures"] & {
            /** @description Printers that are printing or paused now. Only the filter `printer_id` applies. */
            active_printers: number;
            change: components["schemas"]["Change"] | null;
            period: components["schemas"]["Period"];
            previous: components["schemas"]["PreviousPeriod"] | null;
        };
        /** @description An API key, without the secret itself, which is not stored. */
        ApiKey: {
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description Time of expiry. `null` if it never expires.
             */
            expires_at: string | null;
            /** Format: int64 */
            id: number;
            /** @description `false` if it has been revoked. */
            is_active: boolean;
            /**
             * @description `3dp_` and the next 8 characters of the key.
             * @example 3dp_k3Yx9QpL
             */
            key_prefix: string;
            /**
             * Format: date-time
             * @description Last use, to the minute. `null` if it was never used.
             */
            last_used: string | null;
            /** @description Purpose of the key. */
            name: string;
            scope: components["schemas"]["KeyScope"];
        };
        /** @description An average job. */
        AverageJob: {
            /**
             * Format: double
             * @description g
             */
            filament_g: number | null;
            /**
             * Format: double
             * @description mm
             */
            filament_mm: number | null;
            /**
             * Format: double
             * @description Seconds, without pauses.
             */
            print_time: number | null;
            /**
             * Format: double
             * @description Seconds, with pauses.
             */
            total_time: number | null;
        };
        /** @description Import of the printer's own history. */
        Backfill: {
            /** @description The last error. `null` if there was none. */
            error: string | null;
            /**
             * Format: int64
             * @description Jobs read so far.
             */
            position: number;
            /** @description `off` by `moonraker.backfill: none` in the configuration. */
            state: components["schemas"]["BackfillState"];
        };
        /** @enum {string} */
        BackfillState: "pending" | "running" | "done" | "off";
        /** @enum {string} */
        Bucket: "hour" | "day" | "week" | "month" | "year";
        /** @enum {string} */
        BuiltInReason: "off_the_bed" | "warped" | "layer_shift" | "stringing" | "under_extrusion" | "poor_surface" | "wrong_size" | "wrong_material";
        /** @enum {string} */
        Capability: "identify" | "server_info" | "host_clock" | "history" | "object_list" | "subscription" | "metadata" | "temperature_store" | "print_stats" | "history_import" | "history_rows";
        /**
         * @description Relative change: 0.1 means 10 % more than before. `null` if the previous value is 0, if one of the two is unknown,
         *     or if the value is missing for more than 5 % of the jobs of either period (`jobs_without_…`).
         */
        Change: {
            /** Format: double */
            completed: number | null;
            /** @description One entry for each currency of both periods. */
            cost: components["schemas"]["CostChange"][];
            /** Format: double */
            filament_g: number | null;
            /** Format: double */
            filament_mm: number | null;
            /** Format: double */
            jobs: number | null;
            /** Format: double */
            longest_job: number | null;
            /** Format: double */
            print_time: number | null;
            /**
             * Format: double
             * @description Difference of the two rates, not their ratio.
             */
            success_rate: number | null;
            /** Format: double */
            total_time: number | null;
        };
        /** @enum {string} */
        ComparisonBase: "previous" | "last_month" | "last_year";
        /** @description Connection to Moonraker. */
        Connection: {
            /** @description Why the printer is not connected, as text for users, in English. `null` while connected. */
            reason: string | null;
            /**
             * Format: date-time
             * @description Start of the current state.
             */
            since: string;
            /** @description `disabled` if `is_active` is false; `unauthorized` if the printer needs an API key or rejects the stored one. */
            state: components["schemas"]["ConnectionState"];
            trouble: components["schemas"]["ConnectionTrouble"] | null;
        };
        /** @enum {string} */
        ConnectionState: "disabled" | "connecting" | "connected" | "unreachable" | "unauthorized";
        /** @description Why a printer is not connected, or cannot be recorded. */
        ConnectionTrouble: {
            /** @description Stable name of the reason, for programs and translations. */
            code: components["schemas"]["ConnectionTroubleCode"];
            /** @description Variable parts of the sentence by name: texts and numbers. Empty if there are none. */
            params: Record<string, never>;
        };
        /**
         * @description Stable name of the reason for which a printer is not connected.
         * @enum {string}
         */
        ConnectionTroubleCode: "just_added" | "address_empty" | "address_unreadable" | "address_scheme" | "address_part" | "key_characters" | "unknown_host" | "nothing_listens" | "host_unreachable" | "connect_timeout" | "certificate" | "tls_failed" | "not_moonraker" | "too_many_connections" | "proxy_login" | "proxy_fails" | "hung_up" | "key_needed" | "key_refused" | "stored_key_unreadable" | "answer_timeout" | "no_print" | "klipper_not_ready" | "connection_ended" | "database_fails" | "other";
        /** @description Cost in one currency. */
        Cost: {
            /** Format: double */
            amount: number;
            /** @description Currency in the files, or else the one of `GET /api/settings/currency`. `null` without both. */
            currency: string | null;
            /**
             * Format: int64
             * @description Number of jobs included.
             */
            jobs: number;
        };
        /** @description Relative change of the cost in one currency. */
        CostChange: {
            /** Format: double */
            change: number | null;
            currency: string | null;
        };
        /** @description A new API key. */
        CreatedApiKey: components["schemas"]["ApiKey"] & {
            /**
             * @description The key. Only this response contains it: the server stores a hash.
             * @example 3dp_k3Yx9QpLvT0aGm5ZrB8nC1dEeFfHhJjKkLlMmNnPpQq
             */
            key: string;
        };
        /** @description Currency of costs. */
        CurrencySetting: {
            /**
             * @description The currencies that can be set, by their codes.
             * @example [
             *       "CHF",
             *       "EUR",
             *       "USD"
             *     ]
             */
            choices: string[];
            /**
             * @description Currency of the costs of files that name none. `null` if it is not set.
             * @example EUR
             */
            currency: string | null;
            source: components["schemas"]["CurrencySource"] | null;
        };
        /**
         * @description Where the currency is set.
         * @enum {string}
         */
        CurrencySource: "config" | "user";
        /** @description The current print. */
        CurrentJob: {
            /**
             * Format: int64
             * @description Current layer, from 1. `null` if the G-code does not report it.
             */
            current_layer: number | null;
            /**
             * Format: date-time
             * @description Estimated end. `null` while there is no reliable estimate.
             */
            eta: string | null;
            /**
             * Format: double
             * @description Filament used so far, in mm.
             */
            filament_used: number | null;
            /** @description File name, relative to the folder of G-code files. */
            filename: string | null;
            /**
             * Format: int64
             * @description Id of the job in `/api/jobs/{id}`. `null` until the job is stored.
             */
            id: number | null;
            /**
             * Format: double
             * @description Seconds so far, without pauses.
             */
            print_duration: number | null;
            /**
             * Format: double
             * @description 0 to 1.
             */
            progress: number | null;
            /** Format: date-time */
            start_time: string | null;
            /** @description `printing` or `paused`. */
            status: components["schemas"]["JobStatus"];
            /**
             * Format: double
             * @description Seconds so far, with pauses.
             */
            total_duration: number | null;
            /**
             * Format: int64
             * @description Number of layers. `null` if the G-code does not report it.
             */
            total_layer: number | null;
        };
        /** @description The database. */
        Database: {
            /** @description Name of the latest migration. */
            schema_version: string;
            /**
             * Format: int64
             * @description Size on disk in bytes. `null` if the engine does not report it.
             */
            size_bytes: number | null;
            type: components["schemas"]["DatabaseType"];
            /**
             * @description Version that the engine reports.
             * @example 3.50.2
             */
            version: string;
        };
        /**
         * @description Why a printer's jobs, or changes of them, are not stored.
         * @enum {string}
         */
        DatabaseTrouble: "not_recorded" | "changes_wait";
        /** @enum {string} */
        DatabaseType: "sqlite" | "mysql" | "mariadb";
        /** @description A deleted job that can be restored. */
        DeletedJob: components["schemas"]["JobItem"] & {
            /** Format: date-time */
            deleted_at: string;
            /** @description Name of the API key, or of the key with which the session was opened. `null` if it is unknown. */
            deleted_by: string | null;
            /**
             * Format: date-time
             * @description Until when it can be restored.
             */
            expires_at: string;
        };
        /** @description A page of deleted jobs. */
        DeletedJobList: {
            /** @description Newest deletion first. */
            items: components["schemas"]["DeletedJob"][];
            /** @description `cursor` of the next page. `null` on the last page. */
            next: string | null;
        };
        /** @description Jobs without complete details, by status. */
        DetailsQueue: {
            /**
             * Format: int64
             * @description Jobs whose details could not be read.
             */
            failed: number;
            /**
             * Format: int64
             * @description Jobs whose details come from Moonraker's metadata only.
             */
            partial: number;
            /**
             * Format: int64
             * @description Jobs whose details have not been read yet.
             */
            pending: number;
        };
        /** @enum {string} */
        DetailsReason: "file_not_yet_known" | "file_unknown" | "file_missing" | "file_overwritten" | "file_changed" | "file_too_slow" | "printer_deleted" | "printer_disabled" | "printer_off" | "key_needed";
        /** @enum {string} */
        DetailsSource: "file" | "moonraker";
        /** @enum {string} */
        DetailsStatus: "pending" | "done" | "partial" | "failed";
        /** @description Printers found on the local network. */
        DiscoveredList: {
            /** @description By name. */
            items: components["schemas"]["DiscoveredPrinter"][];
        };
        /** @description A Moonraker on the local network. */
        DiscoveredPrinter: {
            /** @description Addresses of the host, IPv4 first. */
            addresses: string[];
            /**
             * @description Host name.
             * @example voron.local
             */
            hostname: string;
            /**
             * @description Address at which this server reaches it: by host name if this server can resolve it, else by IP address.
             * @example http://voron.local:7125
             */
            moonraker_url: string;
            /**
             * @description Name on the network.
             * @example Moonraker @ voron
             */
            name: string;
            /** Format: int32 */
            port: number;
            /**
             * Format: int64
             * @description Id of the configured printer with this address. `null` if there is none.
             */
            printer_id: number | null;
        };
        /** @description Actual times (`print_duration`) of completed jobs, compared with the slicers' estimates. */
        EstimateAnalytics: {
            all: components["schemas"]["EstimateRatio"];
            by_material: components["schemas"]["EstimateRatio"][];
            by_printer: components["schemas"]["EstimateRatio"][];
            by_slicer: components["schemas"]["EstimateRatio"][];
            /**
             * Format: int64
             * @description Minimum number of jobs in a group for quartiles.
             */
            enough_jobs: number;
            period: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Completed jobs without an actual time or an estimate.
             */
            unknown_jobs: number;
        };
        /** @description Actual time divided by estimated time: 1.1 means 10 % longer than estimated. */
        EstimateRatio: {
            /** @description Whether the group has enough jobs for quartiles. */
            enough_data: boolean;
            /**
             * Format: int64
             * @description Number of jobs compared.
             */
            jobs: number;
            /** @description Name of the printer, material or slicer. `null` if unknown, and for the group of all jobs. */
            key: string | null;
            /**
             * Format: double
             * @description First quartile. `null` without enough data.
             */
            lower_quartile: number | null;
            /** Format: double */
            median: number | null;
            /** @description `not enough data` if there are too few jobs, else `null`. */
            note: string | null;
            /** Format: int64 */
            printer_id: number | null;
            /**
             * Format: double
             * @description Third quartile. `null` without enough data.
             */
            upper_quartile: number | null;
        };
        /** @description Failed jobs: those with status `error` or `interrupted`. Cancelled jobs do not count as failed. */
        FailureAnalytics: {
            all: components["schemas"]["FailureGroup"];
            /** @description By cause, as Moonraker reports it. */
            by_cause: components["schemas"]["FailureGroup"][];
            /** @description The 20 files with the most failed jobs. */
            by_file: components["schemas"]["FailureGroup"][];
            /** @description By the hour of the print (with pauses) in which it failed, from hour 0. Hours without a failure are omitted. */
            by_hour: components["schemas"]["FailureHour"][];
            by_material: components["schemas"]["FailureGroup"][];
            by_printer: components["schemas"]["FailureGroup"][];
            /**
             * Format: int64
             * @description Failed jobs of unknown duration.
             */
            jobs_without_hour: number;
            period: components["schemas"]["Period"];
        };
        /** @description Failures of a group of jobs. */
        FailureGroup: {
            /** Format: int64 */
            failed: number;
            /** @description Cause, name of the printer, name of the file, or material. `null` if unknown, and for the group of all jobs. */
            key: string | null;
            /**
             * Format: int64
             * @description Jobs that completed or failed. `null` by cause.
             */
            of_jobs: number | null;
            /** Format: int64 */
            printer_id: number | null;
            /**
             * Format: double
             * @description `failed` divided by `of_jobs`, 0 to 1; for a cause, its share of all failures.
             */
            rate: number | null;
        };
        FailureHour: {
            /** Format: int64 */
            failed: number;
            /** Format: int64 */
            hour: number;
        };
        /** @description Error in a field of the body, or in a parameter of the path or the query. */
        FieldError: {
            /** @description Stable name of the message, for programs and translations. */
            code: components["schemas"]["InvalidCode"];
            /** @description Name of the field; nested fields are written `outer.inner`. */
            field: string;
            /** @description What is wrong and what is allowed, in English. */
            message: string;
            /** @description Variable parts of the message by name: texts, numbers and lists of texts. Omitted if there are none. */
            params?: Record<string, never>;
        };
        /** @description Figures of a group of jobs. Sums include known values only; the field next to each sum counts the jobs without one. */
        Figures: {
            /** @description Averages, each over the jobs with a known value. */
            average: components["schemas"]["AverageJob"];
            by_status: components["schemas"]["JobsByStatus"];
            /** @description Cost of the filament used, at the slicer's price, one entry per currency. Empty if no cost is known. */
            cost: components["schemas"]["Cost"][];
            /**
             * Format: double
             * @description Filament used, in g: known plus estimated.
             */
            filament_g: number | null;
            /**
             * Format: double
             * @description In g, computed with the usual density of the material.
             */
            filament_g_estimated: number | null;
            /**
             * Format: double
             * @description In g, for files with the weight or density of their filament.
             */
            filament_g_known: number | null;
            /**
             * Format: double
             * @description Sum of `filament_used`, in mm.
             */
            filament_mm: number | null;
            /**
             * Format: int64
             * @description Number of jobs, including running ones.
             */
            jobs: number;
            /** Format: int64 */
            jobs_without_cost: number;
            /** Format: int64 */
            jobs_without_filament_g: number;
            /** Format: int64 */
            jobs_without_filament_mm: number;
            /** Format: int64 */
            jobs_without_print_time: number;
            /** Format: int64 */
            jobs_without_total_time: number;
            /**
             * Format: double
             * @description Longest `total_duration`, in s.
             */
            longest_job: number | null;
            /**
             * Format: double
             * @description Sum of `print_duration`, in s.
             */
            print_time: number | null;
            /**
             * Format: double
             * @description Share of completed jobs among the completed and failed (`error`, `interrupted`) ones, 0 to 1. `null` if there
             *     are none.
             */
            success_rate: number | null;
            /**
             * Format: int64
             * @description Number of jobs behind `success_rate`: completed and failed ones.
             */
            success_rate_of: number;
            /**
             * Format: double
             * @description Sum of `total_duration` (with pauses), in s.
             */
            total_time: number | null;
        };
        /** @description Filament, grouped in four ways. Each job counts once in each grouping. */
        FilamentAnalytics: {
            by_brand: components["schemas"]["Group"][];
            by_color: components["schemas"]["Group"][];
            by_printer: components["schemas"]["Group"][];
            /** @description By type, such as `PLA`. Jobs with several materials count for the main one. */
            by_type: components["schemas"]["Group"][];
            period: components["schemas"]["Period"];
        };
        /** @description Files, with the outcomes of their jobs. */
        FileAnalytics: {
            /** @description In the order of `sort`. */
            items: components["schemas"]["FileFigures"][];
            /**
             * Format: int64
             * @description Jobs whose file is unknown.
             */
            jobs_without_file: number;
            period: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Number of all files.
             */
            total: number;
        };
        /** @description Figures of a file, on all printers. */
        FileFigures: components["schemas"]["Figures"] & {
            /**
             * Format: int64
             * @description Jobs that failed (`error`, `interrupted`).
             */
            failed: number;
            /**
             * Format: double
             * @description Filament in g of these jobs.
             */
            filament_lost_g: number;
            /**
             * Format: double
             * @description The part of `filament_lost_g` that is computed with the usual density of the material.
             */
            filament_lost_g_estimated: number;
            /**
             * Format: double
             * @description Filament in mm of jobs that did not complete: failed and cancelled ones.
             */
            filament_lost_mm: number;
            /** @description Relative to the folder of G-code files. */
            filename: string;
            /**
             * Format: int64
             * @description Such jobs whose filament weight is unknown.
             */
            jobs_without_filament_lost_g: number;
            /**
             * Format: int64
             * @description Such jobs whose filament length is unknown.
             */
            jobs_without_filament_lost_mm: number;
        };
        /** @enum {string} */
        FileOrder: "jobs" | "failed" | "success_rate" | "filament_lost";
        /** @description A group of jobs. */
        Group: components["schemas"]["Figures"] & {
            /** @description Name that the jobs have in common. `null` if unknown. */
            key: string | null;
            /**
             * Format: int64
             * @description Id of the printer, in groups by printer.
             */
            printer_id: number | null;
        };
        /** @description State of the server and its parts. */
        Health: {
            /** @description The database responds. Warns if it refused the last write. */
            database: components["schemas"]["Part"];
            details: components["schemas"]["HealthDetails"] | null;
            /** @description The task that records the printers is running. Disconnected printers are not an error. */
            fleet: components["schemas"]["Part"];
            /** @description Scheduled backups and retention work. Warns while one of them fails. */
            housekeeping: components["schemas"]["Part"];
            /** @description API keys of printers can be encrypted and decrypted. */
            printer_keys: components["schemas"]["Part"];
            /** @description Worst state of all parts. */
            status: components["schemas"]["Verdict"];
            /**
             * @description printlog's version.
             * @example 0.1.0
             */
            version: string;
            /**
             * @description Changes of jobs and their details are stored. Warns while changes wait for the database, or printers cannot be
             *     recorded because it refuses writes.
             */
            writing: components["schemas"]["Part"];
        };
        /** @description Jobs without complete details, by status, each counted up to 1000. `GET /api/system` counts up to 100,000. */
        HealthDetails: components["schemas"]["DetailsQueue"] & {
            /** @description Whether a count is capped. If so, one of them is 1000. */
            has_more: boolean;
        };
        /** @description A trouble of a part. */
        HealthTrouble: {
            /** @description Stable name of the trouble, for programs and translations. */
            code: components["schemas"]["TroubleCode"];
            /** @description Variable parts of the sentence by name: texts and numbers. Empty if there are none. */
            params: Record<string, never>;
        };
        /** @description Jobs by weekday and hour, and by day, of their starts in the time zone. */
        Heatmap: {
            /** @description Days with jobs, in ascending order. */
            calendar: components["schemas"]["HeatmapDay"][];
            period: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Jobs that are in neither list, because their start is unknown.
             */
            undated_jobs: number;
            /** @description All 168 hours of a week, Monday first. The repeated hour when clocks go back counts as one. */
            week: components["schemas"]["HeatmapHour"][];
        };
        HeatmapCell: {
            /** Format: int64 */
            completed: number;
            /**
             * Format: int64
             * @description Jobs with status `error` or `interrupted`.
             */
            failed: number;
            /** Format: int64 */
            jobs: number;
            /**
             * Format: double
             * @description In s, without pauses, of jobs with a known duration.
             */
            print_time: number;
        };
        HeatmapDay: components["schemas"]["HeatmapCell"] & {
            /** @example 2026-01-31 */
            date: string;
        };
        HeatmapHour: components["schemas"]["HeatmapCell"] & {
            /** Format: int32 */
            hour: number;
            /**
             * Format: int32
             * @description 1 is Monday, 7 is Sunday.
             */
            weekday: number;
        };
        /** @enum {string} */
        HeatmapView: "week" | "calendar";
        /** Format: int64 */
        Id: number;
        /**
         * @description Stable name of a message about a field.
         * @enum {string}
         */
        InvalidCode: "not_object" | "missing" | "duplicate" | "unknown_field" | "wrong_type" | "unknown_parameter" | "no_parameters" | "given_twice" | "not_whole_number" | "not_number" | "not_true_or_false" | "null_character" | "control_character" | "wrong_length" | "wrong_count" | "not_allowed" | "not_instant" | "not_cursor" | "unknown_time_zone" | "not_currency" | "comma" | "too_many_tags" | "unknown_verdict_reason" | "verdict_needed" | "name_taken" | "address_empty" | "address_unreadable" | "address_not_plain" | "address_scheme" | "address_part" | "key_characters" | "key_of_other_address";
        /** @description A job: one run of one G-code file. */
        Job: {
            /** @description Why it ended, as Moonraker reports it, such as `klippy_shutdown`. `null` while it runs. */
            cause: string | null;
            /** @description Whether its times contradict each other because the printer's clock was set. */
            clock_jumped: boolean;
            /** Format: date-time */
            created_at: string;
            end_source: components["schemas"]["Source"] | null;
            /**
             * Format: date-time
             * @description `null` while it runs, and if the end is unknown.
             */
            end_time: string | null;
            /** @description Source of the durations and the filament: `history` or `print_stats`. */
            figures_source: components["schemas"]["Source"];
            /**
             * Format: double
             * @description Filament in mm.
             */
            filament_used: number | null;
            /** @description File name, relative to the folder of G-code files. */
            filename: string | null;
            /** Format: int64 */
            id: number;
            /**
             * @description Whether its `status` is `printing` or `paused`, but its printer is switched off in printlog or not connected, so
             *     that the state of the print is unknown. `null` if the server is not asked: on the command line.
             */
            is_unobserved: boolean | null;
            /** @description Moonraker's id. Not unique: Moonraker reuses ids. `null` if its history does not contain the run. */
            job_id: string | null;
            /** @description Error text of Klipper. */
            message: string | null;
            /**
             * Format: double
             * @description Seconds, without pauses.
             */
            print_duration: number | null;
            /** Format: int64 */
            printer_id: number;
            printer_name: string;
            /** Format: date-time */
            start_time: string | null;
            status: components["schemas"]["JobStatus"];
            /**
             * Format: double
             * @description Seconds, with pauses.
             */
            total_duration: number | null;
            /** Format: date-time */
            updated_at: string;
            /** @description User who started it, as Moonraker reports it. */
            user: string | null;
        };
        /** @description A change of many jobs. */
        JobBulkChange: {
            /** @enum {string} */
            action: "delete";
            /** @description The jobs. A repeated id counts once. */
            ids: components["schemas"]["Id"][];
        } | {
            /** @enum {string} */
            action: "restore";
            /** @description The deleted jobs. A repeated id counts once. */
            ids: components["schemas"]["Id"][];
        } | {
            /** @enum {string} */
            action: "rate";
            /** @description The jobs. A repeated id counts once. */
            ids: components["schemas"]["Id"][];
            verdict: components["schemas"]["JobVerdict"] | null;
            /**
             * @description The reason, one of `GET /api/verdict-reasons`. `null` removes it. If omitted, jobs keep the reason they have.
             * @example Warped
             */
            verdict_reason?: string | null;
        } | {
            /** @enum {string} */
            action: "tag";
            /**
             * @description Tags to add.
             * @example [
             *       "gift"
             *     ]
             */
            add_tags?: components["schemas"]["Tag"][];
            /** @description The jobs. A repeated id counts once. */
            ids: components["schemas"]["Id"][];
            /**
             * @description Tags to remove, ignoring case. A tag in both lists is removed.
             * @example [
             *       "PETG"
             *     ]
             */
            remove_tags?: components["schemas"]["Tag"][];
        };
        /** @description Result of a change of many jobs. */
        JobBulkResult: {
            /** @description The changed jobs, in the requested order. */
            changed: number[];
            /** @description The others, which are as they were. */
            unchanged: components["schemas"]["UnchangedJob"][];
        };
        /** @description A field of a job that a user changed. */
        JobChange: {
            /** Format: date-time */
            changed_at: string;
            /** @description Name of the API key, or of the key with which the session was opened. */
            changed_by: string;
            /** @description Name of the field, such as `verdict`. */
            field: string;
            /** @description New value. `null` if it was removed. */
            new: unknown;
            /** @description Previous value. `null` if there was none. */
            old: unknown;
        };
        /** @description Changes of a job by users. */
        JobChangeList: {
            /** @description Newest first. */
            items: components["schemas"]["JobChange"][];
        };
        /** @description Cost of a job. */
        JobCost: {
            /** Format: double */
            amount: number;
            /** @description As the file names it, or else the one of `GET /api/settings/currency`. `null` without both. */
            currency: string | null;
        };
        /** @description Slicer data from the file of a job. */
        JobDetails: {
            /**
             * Format: double
             * @description °C
             */
            bed_temp: number | null;
            /**
             * Format: double
             * @description °C
             */
            bed_temp_first_layer: number | null;
            /** @description Build plate, as the slicer spells it. */
            bed_type: string | null;
            /** Format: int64 */
            bottom_layers: number | null;
            /**
             * Format: double
             * @description °C
             */
            chamber_temp: number | null;
            /** @description Currency, such as `EUR`, if the file gives it. */
            currency: string | null;
            /**
             * Format: double
             * @description Planned by the slicer, in g.
             */
            estimated_filament: number | null;
            /**
             * Format: double
             * @description Seconds.
             */
            estimated_time: number | null;
            /**
             * Format: double
             * @description Seconds in silent (stealth) mode.
             */
            estimated_time_silent: number | null;
            filament_brand: string | null;
            filament_color: string | null;
            /**
             * Format: double
             * @description In the slicer's currency.
             */
            filament_cost: number | null;
            /** @description Name of the filament profile. */
            filament_name: string | null;
            /**
             * @description Material with the largest weight.
             * @example PLA
             */
            filament_type: string | null;
            /**
             * Format: double
             * @description Planned by the slicer, in cm³.
             */
            filament_used_cm3: number | null;
            /**
             * Format: double
             * @description Used by the job, in g, computed from the measured length; also correct for jobs that ended early.
             */
            filament_used_g: number | null;
            /** @description How `filament_used_g` was computed: with `slicer_ratio`, `file_density` or `usual_density` (of the material). */
            filament_used_g_source: string | null;
            /**
             * Format: double
             * @description Planned by the slicer, in mm.
             */
            filament_used_mm: number | null;
            /**
             * Format: double
             * @description mm
             */
            first_layer_height: number | null;
            infill_pattern: string | null;
            /**
             * Format: double
             * @description 0 to 100
             */
            infill_percentage: number | null;
            /** Format: int64 */
            layer_count: number | null;
            /**
             * Format: double
             * @description mm
             */
            layer_height: number | null;
            /**
             * Format: double
             * @description mm
             */
            nozzle_diameter: number | null;
            /**
             * Format: double
             * @description °C
             */
            nozzle_temp: number | null;
            /**
             * Format: double
             * @description °C
             */
            nozzle_temp_first_layer: number | null;
            /**
             * Format: double
             * @description mm
             */
            object_height: number | null;
            /** @description Names of the objects on the plate. */
            objects: string[];
            /** @description Name of the print (process, quality) profile. */
            print_profile: string | null;
            /**
             * Format: double
             * @description mm/s
             */
            print_speed: number | null;
            printer_model: string | null;
            /** @description Name of the printer profile. */
            printer_profile: string | null;
            /** @description All keys and values of the file, unchanged. Only with `raw=true`. */
            raw_metadata: Record<string, never> | null;
            slicer: string | null;
            slicer_version: string | null;
            source: components["schemas"]["DetailsSource"] | null;
            /**
             * @description mm/s by feature: `outer_wall`, `inner_wall`, `infill`, `solid_infill`, `top_surface`, `support`, `first_layer`,
             *     `travel`.
             */
            speeds: Record<string, never> | null;
            /** @description Whether the print uses spiral vase mode. */
            spiral_vase: boolean | null;
            support_enabled: boolean | null;
            support_type: string | null;
            /** @description Images, smallest first. */
            thumbnails: components["schemas"]["Thumbnail"][];
            /** @description Materials, one per slot of the printer. */
            tools: Record<string, never>[];
            /** Format: int64 */
            top_layers: number | null;
            /** Format: int64 */
            wall_count: number | null;
            /** @description Missing or contradictory data in the file. */
            warnings: Record<string, never>[];
        };
        /**
         * @description The values that jobs have. Each list is computed under all filters except its own, so that it shows what another
         *     choice would find. The most frequent value comes first; values that differ only in case are counted together.
         */
        JobFacets: {
            /**
             * Format: int64
             * @description Jobs that match all filters.
             */
            jobs: number;
            materials: components["schemas"]["ValueFacet"][];
            printers: components["schemas"]["PrinterFacet"][];
            slicers: components["schemas"]["ValueFacet"][];
            /** @description Failed statuses first. */
            statuses: components["schemas"]["StatusFacet"][];
            tags: components["schemas"]["ValueFacet"][];
            users: components["schemas"]["ValueFacet"][];
            verdicts: components["schemas"]["VerdictFacet"][];
        };
        /** @description A job in a list. */
        JobItem: components["schemas"]["Job"] & {
            cost: components["schemas"]["JobCost"] | null;
            /** @description Maker of the filament. */
            filament_brand: string | null;
            /** @description `#RRGGBB`, or a word. */
            filament_color: string | null;
            /** @description Material, the main one by weight. */
            filament_type: string | null;
            /**
             * Format: double
             * @description Filament used in g, from the measured length.
             */
            filament_used_g: number | null;
            /**
             * @description Whether `filament_used_g` is computed with the usual density of the material, because the file has no weight.
             *     `null` if the weight is unknown.
             */
            filament_used_g_estimated: boolean | null;
            /** @description Whether `GET /api/jobs/{id}/thumbnail` has an image. */
            has_thumbnail: boolean;
            /**
             * Format: double
             * @description mm
             */
            layer_height: number | null;
            /** @description Slicer that wrote the file. */
            slicer: string | null;
            /** @description A user's tags, in alphabetical order. */
            tags: string[];
            /** @description A user's title. `null` if there is none. */
            title: string | null;
            verdict: components["schemas"]["JobVerdict"] | null;
            /** @description A user's reason for the verdict. */
            verdict_reason: string | null;
            verdict_reason_key: components["schemas"]["BuiltInReason"] | null;
        };
        /** @description A page of jobs. */
        JobList: {
            /** @description In the requested order. */
            items: components["schemas"]["JobItem"][];
            /** @description `cursor` of the next page. `null` on the last page. */
            next: string | null;
            /**
             * Format: int64
             * @description Number of jobs on all pages.
             */
            total: number;
        };
        /** @description Changes of a job by a user. Omitted fields stay unchanged; `null` removes a value. */
        JobPatch: {
            /** @description Free text. */
            notes?: string | null;
            /**
             * @description The complete list of tags. Tags that differ only in case or Unicode form count as one. A tag must not contain
             *     commas.
             * @example [
             *       "gift",
             *       "PETG"
             *     ]
             */
            tags?: components["schemas"]["Tag"][] | null;
            /**
             * @description Title, shown instead of the file name.
             * @example Bracket for the lamp
             */
            title?: string | null;
            verdict?: components["schemas"]["JobVerdict"] | null;
            /**
             * @description Reason for the verdict, one of `GET /api/verdict-reasons`. Removed together with the verdict.
             * @example Warped
             */
            verdict_reason?: string | null;
        };
        /** @description A pause of a job, in printlog's time. */
        JobPause: {
            /** Format: date-time */
            paused_at: string;
            /**
             * Format: date-time
             * @description When the job was resumed or ended. `null` while it is paused, and if that was not observed.
             */
            resumed_at: string | null;
        };
        /** @enum {string} */
        JobStatus: "printing" | "paused" | "completed" | "error" | "cancelled" | "interrupted";
        /** @description Sums over all jobs of a printer, of any status. Unknown values are left out. */
        JobTotals: {
            /**
             * Format: date-time
             * @description Time of the last change of a job. `null` if there is no job.
             */
            last_updated: string | null;
            /**
             * Format: double
             * @description Duration of the longest job, in seconds. `null` if no job has a known duration.
             */
            longest_job: number | null;
            /**
             * Format: double
             * @description Filament in mm.
             */
            total_filament_used: number;
            /** Format: int64 */
            total_jobs: number;
            /**
             * Format: double
             * @description Seconds, without pauses.
             */
            total_print_time: number;
            /**
             * Format: double
             * @description Seconds, with pauses.
             */
            total_time: number;
        };
        /** @enum {string} */
        JobVerdict: "good" | "partly_good" | "scrap";
        /** @description A job with all its data. */
        JobWithDetails: components["schemas"]["JobItem"] & {
            /** @description Data of other Moonraker components, such as spools. */
            auxiliary_data: unknown;
            details: components["schemas"]["JobDetails"] | null;
            /** @description Why details are incomplete. `null` if there is no reason. */
            details_reason: string | null;
            details_reason_key: components["schemas"]["DetailsReason"] | null;
            /** @description Status of the details: `pending`, `done`, `partial` (only Moonraker's metadata) or `failed`. */
            details_status: components["schemas"]["DetailsStatus"];
            /**
             * Format: date-time
             * @description Start time in Moonraker's history. Differs from `start_time` if Moonraker missed the start.
             */
            history_start_time: string | null;
            /** @description Moonraker's file metadata at the start of the job. */
            metadata: Record<string, never> | null;
            /** @description A user's notes. */
            notes: string | null;
            /** @description Pauses that printlog observed, in chronological order. */
            pauses: components["schemas"]["JobPause"][];
        };
        /** @description Number of jobs by status. */
        JobsByStatus: {
            /** Format: int64 */
            cancelled: number;
            /** Format: int64 */
            completed: number;
            /** Format: int64 */
            error: number;
            /** Format: int64 */
            interrupted: number;
            /** Format: int64 */
            paused: number;
            /** Format: int64 */
            printing: number;
        };
        /** @description Number of jobs by verdict. */
        JobsByVerdict: {
            /** Format: int64 */
            good: number;
            /**
             * Format: int64
             * @description Jobs without a verdict.
             */
            none: number;
            /** Format: int64 */
            partly_good: number;
            /** Format: int64 */
            scrap: number;
        };
        /** @description All keys. */
        KeyList: {
            /** @description Oldest first, including revoked and expired keys. */
            items: components["schemas"]["ApiKey"][];
        };
        /** @enum {string} */
        KeyScope: "read" | "admin";
        /** @enum {string} */
        KlippyState: "disconnected" | "startup" | "ready" | "error" | "shutdown";
        /** @enum {string} */
        Language: "en" | "de";
        /**
         * @description Address of a Moonraker: a URL with http, https, ws or wss, or only the host. The default port is 7125, or 443 with https and wss. User and password, as in http://USER:PASSWORD@HOST, are the login of a proxy; they are stored encrypted together with the API key, and never shown.
         * @example http://voron.local:7125
         */
        MoonrakerUrl: string;
        /** @description A key to create. */
        NewApiKey: {
            /**
             * Format: date-time
             * @description Time of expiry. If `null` or omitted, the key never expires.
             * @example 2099-01-31T00:00:00Z
             */
            expires_at?: string | null;
            /**
             * @description Purpose of the key.
             * @example laptop
             */
            name: string;
            /** @description Scope: `read` for jobs and the state of printers, or `admin` (the default) for everything. */
            scope?: components["schemas"]["KeyScope"];
        };
        /** @description A currency to set. */
        NewCurrency: {
            /**
             * @description Code of ISO 4217. `null` removes the setting.
             * @example EUR
             */
            currency: string | null;
        };
        /** @description A reason to add. */
        NewVerdictReason: {
            /** @example Elephant's foot */
            name: string;
        };
        /** @description Contents of a G-code file. */
        ParsedGcode: {
            details: Record<string, never>;
            thumbnails: Record<string, never>[];
            tools: Record<string, never>[];
            warnings: Record<string, never>[];
        };
        Part: {
            /** @description Description of all troubles, in English. `null` if there is none. */
            reason: string | null;
            status: components["schemas"]["Verdict"];
            /** @description The troubles, for programs and translations. Empty if there is none. */
            troubles: components["schemas"]["HealthTrouble"][];
        };
        /** @description The period of the response, by start of the jobs. */
        Period: {
            /**
             * Format: date-time
             * @description Start of the period. `null` if unlimited.
             */
            since: string | null;
            /**
             * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`.
             * @example Europe/Berlin
             */
            tz: string;
            /**
             * Format: date-time
             * @description End of the period. `null` if unlimited.
             */
            until: string | null;
        };
        /** @description The period that another one is compared with, with its figures. */
        PreviousPeriod: components["schemas"]["Figures"] & {
            compare: components["schemas"]["ComparisonBase"];
            /** @description Whether the period has not ended, so that both periods are compared up to this point only. */
            is_running: boolean;
            /** Format: date-time */
            since: string;
            /**
             * Format: date-time
             * @description Up to the same point as now, if the period has not ended.
             */
            until: string;
        };
        /** @description A printer. */
        Printer: {
            /** Format: date-time */
            created_at: string;
            /** @description Whether an API key or a login for Moonraker is stored. Neither is ever returned. */
            has_moonraker_api_key: boolean;
            /** Format: int64 */
            id: number;
            /** @description Whether printlog records this printer. */
            is_active: boolean;
            /** @description What printlog connects to. */
            kind: components["schemas"]["PrinterKind"];
            /**
             * Format: date-time
             * @description Last message from the printer, to the minute. `null` if there was none.
             */
            last_seen: string | null;
            /** @description Location of the printer. `null` if not given. */
            location: string | null;
            /**
             * @description Address of the printer's Moonraker.
             * @example http://voron.local:7125
             */
            moonraker_url: string;
            /** @description Name of the printer. Unique, ignoring case and surrounding whitespace. */
            name: string;
            totals: components["schemas"]["JobTotals"];
            /** Format: date-time */
            updated_at: string;
        };
        /** @description Figures of one printer in a period. */
        PrinterAnalytics: components["schemas"]["PrinterFigures"] & {
            period: components["schemas"]["Period"];
        };
        /** @description Figures of each printer in a period. */
        PrinterComparison: {
            /** @description Printers by name, including those without a job. */
            items: components["schemas"]["PrinterFigures"][];
            period: components["schemas"]["Period"];
        };
        /** @description Jobs of a printer. */
        PrinterFacet: {
            /** Format: int64 */
            jobs: number;
            name: string;
            /** Format: int64 */
            printer_id: number;
        };
        /** @description Figures of a printer. */
        PrinterFigures: components["schemas"]["Figures"] & {
            /**
             * Format: double
             * @description Time in which the printer was busy with jobs, in s.
             */
            busy_time: number | null;
            /**
             * Format: int64
             * @description Jobs with status `error` or `interrupted`.
             */
            failed: number;
            /**
             * Format: date-time
             * @description Start of the first job in the period.
             */
            first_job: string | null;
            /**
             * Format: date-time
             * @description Start of the last job in the period.
             */
            last_job: string | null;
            /**
             * Format: double
             * @description `total_time` divided by the number of failed jobs, in s. `null` if none failed.
             */
            mean_time_between_failures: number | null;
            /**
             * Format: double
             * @description Length of the period, in s: from `since` (or the first job) to `until`, at most now.
             */
            period_time: number | null;
            /** Format: int64 */
            printer_id: number;
            printer_name: string;
            /**
             * Format: double
             * @description Share of the period in which the printer was busy, 0 to 1. Includes all its jobs, regardless of other filters;
             *     overlapping jobs count once. `null` without `since` if there is no job.
             */
            utilisation: number | null;
        };
        /** @description Settings of a printer. */
        PrinterInput: {
            /**
             * @description Whether printlog records this printer.
             * @default true
             */
            is_active: boolean;
            kind?: components["schemas"]["PrinterKind"] | null;
            /**
             * @description Location of the printer. `null` or omitted: none.
             * @example Workshop
             */
            location?: string | null;
            /**
             * @description Moonraker's API key, if it needs one. If omitted, the stored key and login stay; `null` removes both; a new key
             *     replaces both.
             */
            moonraker_api_key?: string | null;
            moonraker_url: components["schemas"]["MoonrakerUrl"];
            /**
             * @description Name of the printer. Unique, ignoring case and surrounding whitespace.
             * @example Voron
             */
            name: string;
        };
        /** @enum {string} */
        PrinterKind: "moonraker";
        /** @description A part of Moonraker's API that this printer does not provide. */
        PrinterLimitation: {
            capability: components["schemas"]["Capability"];
            /** @description The printer's response, or what could not be read. */
            cause: string;
            /** @description Whether the printer was only too slow; printlog tries it again. */
            is_slow: boolean;
            /**
             * @description What is missing, its effect, and the printer's response.
             * @example this Moonraker keeps no history; jobs are recorded from print_stats only (printer refused `server.history.list` (code -32601): Method not found)
             */
            reason: string;
        };
        /** @description All printers. */
        PrinterList: {
            /** @description By name. */
            items: components["schemas"]["Printer"][];
        };
        /** @description Current status of a printer */
        PrinterStatus: {
            backfill: components["schemas"]["Backfill"];
            connection: components["schemas"]["Connection"];
            /** @description Why changes of its jobs wait for the database, or why it is not recorded. `null` if nothing waits. */
            database_trouble: string | null;
            database_trouble_key: components["schemas"]["DatabaseTrouble"] | null;
            job: components["schemas"]["CurrentJob"] | null;
            /** @description Klipper's message about its state. `null` if there is none. */
            klippy_message: string | null;
            klippy_state: components["schemas"]["KlippyState"] | null;
            /**
             * Format: date-time
             * @description Last message from the printer. `null` if there was none.
             */
            last_seen: string | null;
            /** @description Parts of Moonraker's API that were missing at the last connection. Prints are recorded anyway. */
            limitations: components["schemas"]["PrinterLimitation"][];
            /** @description `null` until the printer has been connected once. */
            moonraker_version: string | null;
            /** Format: int64 */
            printer_id: number;
            /** @description Heaters and sensors by Klipper's names (`extruder`, `heater_bed`, …). Empty while not connected. */
            temperatures: {
                [key: string]: components["schemas"]["Temperature"];
            };
        };
        /** @description Result of a connection test. */
        PrinterTest: {
            /** @description Name of the printer's host. `null` if Klipper is not running. */
            hostname: string | null;
            /** @description `null` if the printer was not reached. */
            klippy_state: string | null;
            /** @description Parts of Moonraker's API that are missing. Prints are recorded anyway. */
            limitations: components["schemas"]["PrinterLimitation"][];
            /**
             * @description Address at which a Moonraker responds, with scheme and port; save this one. `null` if there is none.
             * @example http://voron.local:7125
             */
            moonraker_url: string | null;
            /** @description `null` if the printer was not reached. */
            moonraker_version: string | null;
            /** @description Whether printlog can record the printer. */
            ok: boolean;
            outcome: components["schemas"]["TestOutcome"];
            /**
             * @description What is wrong and what to do, as text for users. `null` if there is nothing. A printer whose Klipper is not
             *     ready still counts as ok.
             */
            reason: string | null;
            trouble: components["schemas"]["ConnectionTrouble"] | null;
        };
        /** @description An address and a key to test. */
        PrinterTestInput: {
            /** @description Moonraker's API key, if it needs one. */
            moonraker_api_key?: string | null;
            /**
             * @description Address of a Moonraker.
             * @example http://voron.local:7125
             */
            moonraker_url: string;
            /**
             * Format: int64
             * @description Id of a configured printer. Its stored key is used if none is given here, and only for the scheme, host and port
             *     that it was stored for.
             */
            printer_id?: number | null;
        };
        /** @description An error response (RFC 9457). */
        Problem: {
            /** @description Stable name of this error, for programs and translations. */
            code: components["schemas"]["ProblemCode"];
            /** @description Description of this error, as text for users, in English. */
            detail: string;
            /** @description Errors by field or parameter. Omitted if the error is not about fields. */
            errors?: components["schemas"]["FieldError"][];
            /**
             * Format: int64
             * @description Number of jobs of a printer that could not be deleted. Omitted otherwise.
             */
            job_count?: number | null;
            /** @description Variable parts of `detail` by name: texts and numbers. Omitted if there are none. */
            params?: Record<string, never>;
            /**
             * Format: int32
             * @description HTTP status.
             * @example 422
             */
            status: number;
            /**
             * @description Name of the status.
             * @example Unprocessable Entity
             */
            title: string;
            /**
             * @description Problem type. Always `about:blank`: the status identifies the problem.
             * @example about:blank
             */
            type: string;
        };
        /**
         * @description Stable name of an error.
         * @enum {string}
         */
        ProblemCode: "invalid_field" | "invalid_fields" | "route_not_found" | "method_not_allowed" | "documentation_not_found" | "job_not_found" | "details_not_found" | "image_not_found" | "printer_not_found" | "verdict_reason_not_found" | "key_not_found" | "job_is_printing" | "job_not_deleted" | "job_recorded_again" | "printer_has_jobs" | "last_admin_key" | "currency_configured" | "cursor_of_other_sort" | "key_needed" | "key_refused" | "session_ended" | "scope_too_small" | "too_many_attempts" | "other_site" | "other_origin" | "body_not_sent_as_json" | "body_not_sent_as_file" | "body_not_json" | "body_too_large" | "body_incomplete" | "body_too_slow" | "path_not_text" | "waits_for_database" | "waits_for_lease" | "server_full" | "client_has_many_connections" | "request_timed_out" | "too_many_exports" | "too_many_viewers" | "discovery_failed" | "no_secret" | "disk_full" | "database_read_only" | "disk_fails" | "database_does_not_respond" | "internal";
        /** @description Jobs with a reason for their rating. */
        ReasonFacet: {
            /** Format: int64 */
            jobs: number;
            key: components["schemas"]["BuiltInReason"] | null;
            /** @description The spelling of most jobs. `null`: not given; an empty filter value selects these jobs. */
            value: string | null;
        };
        /** @description Cost of scrap. Sums include known values only; the field next to each sum counts the jobs without one. */
        Scrap: {
            /** @description Cost of the filament used, at the slicer's price, one entry per currency. Empty if no cost is known. */
            cost: components["schemas"]["Cost"][];
            /**
             * Format: double
             * @description Filament used, in g: known plus estimated.
             */
            filament_g: number | null;
            /**
             * Format: double
             * @description The part of `filament_g` that is computed with the usual density of the material.
             */
            filament_g_estimated: number | null;
            /**
             * Format: double
             * @description Sum of `filament_used`, in mm.
             */
            filament_mm: number | null;
            /** Format: int64 */
            jobs_without_cost: number;
            /** Format: int64 */
            jobs_without_filament_g: number;
            /** Format: int64 */
            jobs_without_filament_mm: number;
            /** Format: int64 */
            jobs_without_print_time: number;
            /**
             * Format: double
             * @description Sum of `print_duration`, in s.
             */
            print_time: number | null;
        };
        /** @description The current session. */
        Session: {
            /**
             * Format: date-time
             * @description Time of expiry if the session is not used again. Each use extends it, in steps of a day, at most until the key
             *     expires.
             */
            expires_at: string;
            /**
             * @description `3dp_` and the first 8 characters of the key.
             * @example 3dp_k3Yx9QpL
             */
            key_prefix: string;
            /** @description Name of the key that was used. */
            name: string;
            scope: components["schemas"]["KeyScope"];
        };
        /** @description Credentials for signing in. */
        SignIn: {
            /** @description An API key. */
            key: string;
        };
        /** @enum {string} */
        Source: "history" | "print_stats";
        /** @enum {string} */
        Stack: "status" | "printer" | "material";
        /** @description Jobs with a status. */
        StatusFacet: {
            /** @description Their causes. */
            causes: components["schemas"]["ValueFacet"][];
            /** @description Whether the filter value `failed` includes the status. */
            failed: boolean;
            /** Format: int64 */
            jobs: number;
            status: components["schemas"]["JobStatus"];
        };
        /** @enum {string} */
        StatusFilter: "printing" | "paused" | "completed" | "error" | "cancelled" | "interrupted" | "failed";
        /** @description The server and its database. */
        System: {
            /**
             * @description Currency of the costs of files that name none, from the configuration or `PUT /api/settings/currency`. `null` if it
             *     is not set.
             * @example EUR
             */
            currency: string | null;
            /** @description Whether jobs have a cost whose file names no currency, and none is set. */
            currency_needed: boolean;
            database: components["schemas"]["Database"];
            /**
             * Format: int64
             * @description Days for which a deleted job can be restored (`retention.deleted_jobs`). 0: it cannot be restored.
             */
            deleted_jobs_days: number;
            /** @description Jobs without complete details, each counted up to 100,000. */
            details: components["schemas"]["DetailsQueue"];
            /**
             * @description Default time zone of analytics (`api.timezone`), used without the parameter `tz`.
             * @example Europe/Berlin
             */
            timezone: string;
            /** @description Whether analytics accept `tz` as a time zone. `null` if the request has no `tz`. */
            tz_is_known: boolean | null;
            /**
             * Format: int64
             * @description Seconds since the start of the server.
             */
            uptime: number;
            /**
             * @description printlog's version.
             * @example 0.1.0
             */
            version: string;
        };
        /** @enum {string} */
        TableFormat: "json" | "csv";
        /** @description A tag. */
        Tag: string;
        /** @description A tag in use. */
        TagInUse: {
            /**
             * Format: int64
             * @description Number of jobs with this tag.
             */
            job_count: number;
            tag: string;
        };
        /** @description All tags. */
        TagList: {
            /** @description By name. */
            items: components["schemas"]["TagInUse"][];
        };
        /** @description A heater or sensor, in °C. */
        Temperature: {
            /**
             * Format: double
             * @description Target; 0 means off. `null` for a sensor without a heater.
             */
            target: number | null;
            /**
             * Format: double
             * @description Measured.
             */
            temperature: number;
        };
        /** @enum {string} */
        TestOutcome: "ok" | "wrong_address" | "unreachable" | "key_needed" | "wrong_key" | "not_moonraker" | "no_print";
        Thumbnail: {
            /** Format: int64 */
            bytes: number;
            /** Format: int32 */
            height: number;
            /** @example image/png */
            media_type: string;
            /** @description Path of the image on this server. */
            url: string;
            /** Format: int32 */
            width: number;
        };
        TimeZone: string;
        /** @description Jobs by start. */
        Timeline: {
            /** @description Length of the buckets: as requested, or the next larger one that gives at most 30,000. */
            bucket: components["schemas"]["Bucket"];
            /** @description The buckets, without gaps, from `since` (or the first job) to `until` (or the last job). */
            buckets: components["schemas"]["TimelineBucket"][];
            period: components["schemas"]["Period"];
            /** @description One series per status, printer or material with jobs, the largest first. From the 25th on, all are combined. */
            series: components["schemas"]["TimelineSeries"][];
            stack: components["schemas"]["Stack"];
            /**
             * Format: int64
             * @description Jobs that are in no bucket, because their start is unknown.
             */
            undated_jobs: number;
        };
        /** @description A bucket of a timeline. */
        TimelineBucket: {
            /**
             * Format: date-time
             * @description Start of the next bucket.
             */
            end: string;
            /**
             * @description Label in the time zone: `2026-01-31 13:00`, `2026-01-31`, `2026-W05`, `2026-01` or `2026`.
             * @example 2026-W05
             */
            label: string;
            /** Format: date-time */
            start: string;
        };
        /** @description A series of a timeline; each list has one value per bucket. */
        TimelineSeries: {
            /** @description In g, known plus estimated. */
            filament_g: number[];
            /** @description The part of `filament_g` that is computed with the usual density of the material. */
            filament_g_estimated: number[];
            /** @description In mm, of jobs with a known length. */
            filament_mm: number[];
            /** @description Whether this series combines all others. */
            is_other: boolean;
            /** @description Number of jobs. */
            jobs: number[];
            /** @description Status, name of the printer, or material. `null` if unknown, and for the combined series. */
            key: string | null;
            /** @description In s, without pauses, of jobs with a known duration. */
            print_time: number[];
            /**
             * Format: int64
             * @description Id of the printer, in groups by printer.
             */
            printer_id: number | null;
        };
        /**
         * @description Stable name of a trouble.
         * @enum {string}
         */
        TroubleCode: "waits_for_lease" | "waits_for_database" | "not_yet_responded" | "stopped" | "changes_wait" | "not_recorded" | "details_refused" | "backup_failed" | "retention_failed" | "no_secret" | "keys_unreadable" | "damaged" | "disk_full" | "read_only" | "disk_fails" | "does_not_respond" | "too_slow";
        /** @description A job that was not changed. */
        UnchangedJob: {
            /**
             * @description `not_found`, `not_deleted` (only deleted jobs can be restored), `recorded_again` (the run of a deleted job has
             *     another job), `printing` (it cannot be deleted now), `already_so`, `unknown_reason`, `reason_without_verdict` or
             *     `too_many_tags`.
             */
            code: components["schemas"]["UnchangedJobCode"];
            /** Format: int64 */
            id: number;
            /** @description The same, as text for users. */
            reason: string;
        };
        /** @enum {string} */
        UnchangedJobCode: "not_found" | "not_deleted" | "recorded_again" | "printing" | "already_so" | "unknown_reason" | "reason_without_verdict" | "too_many_tags";
        /** @description Jobs with a value. */
        ValueFacet: {
            /** Format: int64 */
            jobs: number;
            /** @description The most frequent spelling. `null`: unknown, or not given; an empty filter value selects these jobs. */
            value: string | null;
        };
        /**
         * @description State of a part. `warning`: it works, but needs attention.
         * @enum {string}
         */
        Verdict: "ok" | "warning" | "error";
        /** @description Users' verdicts on jobs, independent of the printer's status. */
        VerdictAnalytics: {
            all: components["schemas"]["VerdictGroup"];
            by_material: components["schemas"]["VerdictGroup"][];
            by_printer: components["schemas"]["VerdictGroup"][];
            /** @description Jobs with a verdict, by reason; the most frequent first. */
            by_reason: components["schemas"]["VerdictGroup"][];
            period: components["schemas"]["Period"];
        };
        /** @description Jobs with a rating. */
        VerdictFacet: {
            /** Format: int64 */
            jobs: number;
            /** @description Their reasons; empty for jobs that are not rated. */
            reasons: components["schemas"]["ReasonFacet"][];
            verdict: components["schemas"]["JobVerdict"] | null;
        };
        /** @description A group of jobs by verdict. */
        VerdictGroup: {
            by_verdict: components["schemas"]["JobsByVerdict"];
            /**
             * Format: double
             * @description Share of good jobs among those with a verdict, 0 to 1. `null` if there are none.
             */
            good_share: number | null;
            /**
             * Format: int64
             * @description All jobs of the group, with or without a verdict.
             */
            jobs: number;
            /**
             * Format: int64
             * @description Jobs with a verdict.
             */
            judged: number;
            /** @description Reason, name of the printer, or material. `null` if unknown or not given, and for the group of all jobs. */
            key: string | null;
            /** Format: int64 */
            printer_id: number | null;
            reason_key: components["schemas"]["BuiltInReason"] | null;
            scrap: components["schemas"]["Scrap"];
        };
        /** @description A reason for verdicts. */
        VerdictReason: {
            /** Format: int64 */
            id: number;
            key: components["schemas"]["BuiltInReason"] | null;
            /** @description Text of the reason. Unique, ignoring case. */
            name: string;
        };
        /** @description All reasons. */
        VerdictReasonList: {
            /** @description In the order of creation. */
            items: components["schemas"]["VerdictReason"][];
        };
        /** @description A value, or an empty string for jobs whose value is unknown. */
        WordOrUnknown: string;
    };
    responses: {
        /** @description The request cannot be read. */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The server failed. See its log. */
        Failed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The key has the scope `read` and the route needs `admin`; or a page of another site sent the request with a session cookie. */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The request is invalid; `errors` names the fields. */
        Invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body was not sent as JSON. */
        NotJson: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is too large. */
        TooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too many invalid keys from this address; wait for `Retry-After`. */
        TooMany: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The API key is missing, unknown, expired or revoked. */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Temporarily unavailable: the server is starting or overloaded. */
        Unavailable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    create_key: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewApiKey"];
            };
        };
        responses: {
            201: {
                headers: {
                    /** @description Path of the key. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedApiKey"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    revoke_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Revoked, now or earlier. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such key. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It is the last valid key with the scope `admin`. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_estimates: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EstimateAnalytics"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    export_analytics: {
        parameters: {
            query?: {
                /** @description Language of titles and values. Defaults to the first known one of the header `Accept-Language`, else `en`. */
                lang?: components["schemas"]["Language"];
                /**
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description The period that the summary is compared with. */
                compare?: components["schemas"]["ComparisonBase"];
                /** @description Length of the buckets of the timeline. */
                bucket?: components["schemas"]["Bucket"];
                /** @description How the jobs of each bucket are divided into columns. */
                stack?: components["schemas"]["Stack"];
                /** @description Order of the files. */
                sort?: components["schemas"]["FileOrder"];
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The workbook. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": number[];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_failures: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FailureAnalytics"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_filament: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FilamentAnalytics"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_files: {
        parameters: {
            query?: {
                /** @description Maximum number of files. */
                limit?: number;
                /**
                 * @description Sort order: the most `jobs` (the default), `failed` jobs or `filament_lost` first, or the lowest
                 *     `success_rate` of files with at least three jobs that completed or failed. Files without any are omitted.
                 */
                sort?: components["schemas"]["FileOrder"];
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileAnalytics"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_heatmap: {
        parameters: {
            query?: {
                /** @description Which of the two parts CSV contains. JSON contains both. */
                view?: components["schemas"]["HeatmapView"];
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Heatmap"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    compare_printers: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrinterComparison"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_printer_analytics: {
        parameters: {
            query?: {
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path: {
                /** @description The printer. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrinterAnalytics"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description No such printer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_summary: {
        parameters: {
            query?: {
                /** @description The period that the figures are compared with; `previous` by default. */
                compare?: components["schemas"]["ComparisonBase"];
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AnalyticsSummary"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_timeline: {
        parameters: {
            query?: {
                /** @description Length of the buckets. Weeks are those of ISO 8601. */
                bucket?: components["schemas"]["Bucket"];
                /** @description How the jobs of each bucket are divided into series. */
                stack?: components["schemas"]["Stack"];
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Timeline"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_verdicts: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
                 *     configuration.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
                /** @description Format of the response. Defaults to the one that the header `Accept` requests, else `json`. */
                format?: components["schemas"]["TableFormat"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerdictAnalytics"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    parse_gcode: {
        parameters: {
            query?: {
                /** @description Number of bytes of the body that are the beginning of the file; the rest is its end. Defaults to all. */
                head?: number;
                /**
                 * @description Size of the whole file in bytes. If left out, the body is the whole file, or, with `head`, its two ends with a gap
                 *     of unknown size.
                 */
                size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ParsedGcode"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description The body is larger than 16 MiB. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_jobs: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /**
                 * @description Sort order: `newest` (jobs whose start is unknown come last), its reverse `oldest`, or a column, ascending, or
                 *     descending with a leading `-`. Jobs whose value in that column is unknown come last in both directions.
                 */
                sort?: "newest" | "oldest" | "print_duration" | "-print_duration" | "total_duration" | "-total_duration" | "filament_used" | "-filament_used";
                /** @description Number of jobs on a page. */
                limit?: number;
                /** @description Start of the page: `next` of the previous page, unchanged. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description The cursor belongs to a list with another sort order. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    change_jobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobBulkChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobBulkResult"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_deleted_jobs: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /** @description Number of jobs on a page. */
                limit?: number;
                /** @description Start of the page: `next` of the previous page, unchanged. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeletedJobList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    export_jobs: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
                /** @description Format of the file. Defaults to `csv`. */
                format?: "csv" | "json" | "ndjson" | "xlsx" | "parquet";
                /**
                 * @description Whether CSV begins with a byte order mark. Without one, Excel assumes the legacy encoding of the system. No
                 *     effect on other formats.
                 */
                bom?: boolean;
                /**
                 * @description Layout of a workbook. `raw`: the columns of all formats, with times in UTC. `people`: translated columns, local
                 *     times, durations as times of a spreadsheet, grams and costs, with a filter on each column. No effect on other
                 *     formats.
                 */
                layout?: "raw" | "people";
                /** @description Language of the layout `people`. Defaults to the first known one of the header `Accept-Language`, else `en`. */
                lang?: components["schemas"]["Language"];
                /**
                 * @description Time zone of the times of the layout `people`, and of dates in `since` and `until`. Defaults to `api.timezone` of
                 *     the configuration for this layout, else to UTC.
                 * @example Europe/Berlin
                 */
                tz?: components["schemas"]["TimeZone"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown[];
                    "application/vnd.apache.parquet": number[];
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": number[];
                    "application/x-ndjson": string;
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            /** @description Eight exports are already being sent, or the database does not respond. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_facets: {
        parameters: {
            query?: {
                /** @description Only jobs of these printers. May be repeated or contain several, separated by commas. */
                printer_id?: number[];
                /**
                 * @description Only jobs with one of these statuses; `failed` is `error` and `interrupted`. May be repeated or contain
                 *     several, separated by commas.
                 */
                status?: components["schemas"]["StatusFilter"][];
                /**
                 * @description Only jobs that started at this time or later: RFC 3339, or a date, which means its first instant in the time
                 *     zone of the request (UTC for routes without `tz`).
                 * @example 2026-01-31
                 */
                since?: string;
                /**
                 * @description Only jobs that started before this time: RFC 3339, or a date, which means its first instant in the time zone
                 *     of the request (UTC for routes without `tz`).
                 * @example 2026-01-31T12:00:00Z
                 */
                until?: string;
                /** @description Only jobs whose file name, title, notes, tags or reason contain this text, ignoring case and Unicode form. */
                q?: string;
                /**
                 * @description Only jobs with one of these materials, ignoring case. May be repeated. An empty value selects jobs whose
                 *     material is unknown.
                 * @example [
                 *       "PLA",
                 *       "PETG"
                 *     ]
                 */
                filament_type?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs whose file was made by one of these slicers, ignoring case. May be repeated. An empty value selects
                 *     jobs whose slicer is unknown.
                 * @example [
                 *       "OrcaSlicer"
                 *     ]
                 */
                slicer?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs that one of these users started, ignoring case. May be repeated. An empty value selects jobs whose
                 *     user is unknown.
                 */
                user?: components["schemas"]["WordOrUnknown"][];
                /**
                 * @description Only jobs with one of these causes, ignoring case. May be repeated. An empty value selects jobs whose cause
                 *     is unknown.
                 * @example [
                 *       "klippy_shutdown"
                 *     ]
                 */
                cause?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs with at least this `print_duration`, in s. */
                print_duration_min?: number;
                /** @description Only jobs with at most this `print_duration`, in s. */
                print_duration_max?: number;
                /** @description Only jobs with at least this `filament_used`, in mm. */
                filament_used_min?: number;
                /** @description Only jobs with at most this `filament_used`, in mm. */
                filament_used_max?: number;
                /** @description Only jobs to which a user gave one of these verdicts. May be repeated or contain several, separated by commas. */
                verdict?: components["schemas"]["JobVerdict"][];
                /**
                 * @description Only jobs that a user rated for one of these reasons, ignoring case. May be repeated. An empty value selects
                 *     rated jobs without a reason.
                 */
                verdict_reason?: components["schemas"]["WordOrUnknown"][];
                /** @description Only jobs to which a user gave one of these tags, ignoring case. May be repeated. */
                tag?: components["schemas"]["Tag"][];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobFacets"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_job: {
        parameters: {
            query?: {
                /** @description Whether to include `details.raw_metadata`. */
                raw?: boolean;
            };
            header?: never;
            path: {
                /** @description The job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobWithDetails"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description No such job. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    delete_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such job. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It is being printed. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    change_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobPatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobWithDetails"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such job. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The reason is not in the list, or the job would have a reason without a verdict. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_job_changes: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobChangeList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description No such job. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_job_details: {
        parameters: {
            query?: {
                /** @description Whether to include `details.raw_metadata`. */
                raw?: boolean;
            };
            header?: never;
            path: {
                /** @description The job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobDetails"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description No such job, or it has no details. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    refresh_job_details: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Queued. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such job. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    restore_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The deleted job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobWithDetails"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description It is not among the deleted jobs. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The same run was recorded again. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_job_thumbnail: {
        parameters: {
            query?: {
                /** @description Minimum width in pixels. Defaults to the largest image. */
                size?: number;
            };
            header?: never;
            path: {
                /** @description The job. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The image: PNG, JPEG or BMP. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": number[];
                };
            };
            /** @description The client has this image (`If-None-Match`). */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description No such job, or it has no image. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    follow_printers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            401: components["responses"]["Unauthorized"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_printers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrinterList"];
                };
            };
            401: components["responses"]["Unauthorized"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    create_printer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PrinterInput"];
            };
        };
        responses: {
            201: {
                headers: {
                    /** @description Path of the printer. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Printer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description The name is taken. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    discover_printers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DiscoveredList"];
                };
            };
            401: components["responses"]["Unauthorized"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    test_printer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PrinterTestInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrinterTest"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such printer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The stored key belongs to another address. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_printer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The printer. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Printer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description No such printer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    replace_printer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The printer. */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PrinterInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Printer"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such printer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The name is taken, or the stored key belongs to another address. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    delete_printer: {
        parameters: {
            query?: {
                /** @description Also delete the printer's jobs. */
                delete_jobs?: boolean;
            };
            header?: never;
            path: {
                /** @description The printer. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such printer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It has jobs. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_printer_status: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The printer. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrinterStatus"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            /** @description No such printer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description Not signed in. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            200: {
                headers: {
                    /** @description The session. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["BadRequest"];
            /** @description The key is unknown, expired or revoked. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request came from a page of another site, or a proxy hides the address of the page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            /** @description Too many failed attempts. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    sign_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Signed out; the cookie is removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request came from a page of another site. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_currency: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CurrencySetting"];
                };
            };
            401: components["responses"]["Unauthorized"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    set_currency: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewCurrency"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CurrencySetting"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description The configuration file sets the currency. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_system: {
        parameters: {
            query?: {
                /** @description A time zone, as in the parameter `tz` of analytics. */
                tz?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["System"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_tags: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TagList"];
                };
            };
            401: components["responses"]["Unauthorized"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_verdict_reasons: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerdictReasonList"];
                };
            };
            401: components["responses"]["Unauthorized"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    create_verdict_reason: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewVerdictReason"];
            };
        };
        responses: {
            201: {
                headers: {
                    /** @description Path of the list. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerdictReason"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["NotJson"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    delete_verdict_reason: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The reason. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            /** @description No such reason. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            422: components["responses"]["Invalid"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All parts work, possibly with a warning. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            500: components["responses"]["Failed"];
            /** @description A part does not work. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    get_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                };
            };
            401: components["responses"]["Unauthorized"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Failed"];
            503: components["responses"]["Unavailable"];
        };
    };
}
