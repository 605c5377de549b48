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
         * Make an API key
         * @description The answer is the only place where the key itself is ever shown.
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
         * @description It is refused from now on. The last key that works and may do everything is not revoked over the API; the command line can do that.
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
         * @description Median and quartiles for all, and by printer, material and slicer; of fewer than five jobs it says `not enough data`.
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
         * @description By type, brand, colour and printer; the group with the most jobs first. As CSV all four in one table.
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
         * @description How often each was printed, how that ended, what it took, and what was lost.
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
        /** Show when jobs are started */
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
         * @description The figures of each printer, also of those without a job.
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
         * @description With `since` the figures are compared with those of another period, which `compare` chooses: the same number of days (or
         *     the same time, if the period does not begin and end at midnight) before; the same days of the month before; or the same
         *     days of the year before. A period that has not ended is compared only up to now. As CSV a row for each of the two periods.
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
         * @description Hours, days (if left out), weeks, months or years of the time zone, those without a job too; a job belongs to the one
         *     in which it started. As CSV a row for each part and series.
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
         * Show what users made of their jobs
         * @description Jobs by verdict, the share of good ones, and what scrap cost; for all, and by reason, printer and material.
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
         * Read a gcode file
         * @description The body is the file, at most 16 MiB. Of a larger one its two ends are enough: the first bytes, behind them the last
         *     ones, with `head` and `size`. 64 KiB and 96 KiB do for nearly every file. Nothing is stored.
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
         * @description Newest first, unless `sort` says otherwise. A deep page costs what the first one costs. Take `next` of a page as the
         *     `cursor` of the next one, with the same filters and `sort`.
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
    "/api/jobs/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export jobs, newest first
         * @description All that a list with these filters has, as a file that is made while it is sent. The columns and their units are those
         *     of docs/export.md. No text in it is taken for a formula by a spreadsheet. The connection is cut if less than 64 KiB
         *     are read in a minute.
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
         * @description It is taken out of the totals and does not come back from the printer's history. A job that is being printed is not
         *     deleted: the answer is 409.
         */
        delete: operations["delete_job"];
        options?: never;
        head?: never;
        /**
         * Say something of a job
         * @description Title, notes, tags and verdict are the user's; what the printer said is not changed. Each change is noted, with the
         *     name of the key: see `/api/jobs/{id}/changes`.
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
         * What users changed of a job
         * @description Who said what of it, and when.
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
        /** Show what the slicer planned for a job */
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
         * Have the details of a job read anew
         * @description It is done in the background, as soon as possible.
         */
        post: operations["refresh_job_details"];
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
         * @description The smallest that is at least `size` pixels wide, else the largest. It may be kept for ever: `ETag` is its hash.
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
         *     - `hello`: `{"version": …, "printers": [PrinterStatus, …]}`. First on every connection, and again for a client that
         *       was too slow: the whole state, so that nothing has to be replayed.
         *     - `status`: `{"printer_id": 1, …}`. Fields of PrinterStatus that changed; each replaces the whole field. At most one
         *       a second and printer. What changes is told; `last_seen` alone is not.
         *     - `job`: `{"id": 7, "printer_id": 1, "change": "written"}` or `"deleted"`. A job was written at a change of state, by
         *       a user or with its details, or was deleted. Checkpoints are not told, nor are jobs that are imported.
         *     - `printers`: `{}`. A printer was added, changed or removed.
         *     - `heartbeat`: `{}`. Every 10 s.
         *
         *     It ends when the session or the key does, and with the server.
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
         * @description It is connected to at once, and its history is imported in the background.
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
         * Look for printers on the local network
         * @description Takes two seconds. Finds the Moonrakers that tell of themselves by multicast DNS (`[zeroconf]` in their
         *     configuration), on the networks that this server is in: from within a container that is mostly the container's own.
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
         * Try an address and a key before saving them
         * @description Answers 200 whether the printer can be followed or not: see `ok`. Where the address leaves scheme or port open, the
         *     usual ones are tried: Moonraker's own 7125, then 80 and, with TLS, 443 and 7130.
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
         * @description Replaces all that is said of it; only a `moonraker_api_key` that is left out stays as it is. That works with the scheme,
         *     host and port that the key was stored for; with another address the key must be given again, or `null`. Takes effect at
         *     once.
         */
        put: operations["replace_printer"];
        post?: never;
        /**
         * Delete a printer
         * @description A printer that has jobs is deleted only with `delete_jobs=true`; otherwise the answer is 409 with their number in
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
        /** What a printer does right now */
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
         * Who is signed in
         * @description 204 if nobody is in this browser.
         */
        get: operations["get_session"];
        put?: never;
        /**
         * Sign in
         * @description Opens a session for a browser: the cookie of the answer stands for the key from then on. Its name is `printlog_session_`
         *     and eight digits that tell the database from others. It is HttpOnly and SameSite=Strict, and Secure if the request came
         *     over TLS (`X-Forwarded-Proto: https` from a proxy); with `api.frame_ancestors` and TLS it is SameSite=None and
         *     Partitioned. A session ends 30 days after its last use, by signing out, and with its key. Of one address ten attempts a
         *     minute may fail. A page is refused (403) if a proxy hides its address, as all its changes would be.
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
    "/api/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the server is and what it keeps
         * @description With `tz`, it also says whether analytics take that time zone: browsers know some that this server does not.
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
        /** List the reasons of verdicts */
        get: operations["list_verdict_reasons"];
        put?: never;
        /**
         * Add a reason of verdicts
         * @description One that is there already, in whatever case, is answered as it is.
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
         * Remove a reason of verdicts
         * @description Jobs that were given it keep it.
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
         * Whether the server works
         * @description Needs no key. 503 when a part does not work. A warning is no reason to start the server anew.
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
         * @description In the text format of OpenMetrics. `docs/prometheus.md` names all of them. With `metrics.listen`, they are also served
         *     on a port of their own, which needs no key.
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
            /** @description Printers that print now, or are paused in a print, whatever the filter says beyond `printer_id`. */
            active_printers: number;
            change: components["schemas"]["Change"] | null;
            period: components["schemas"]["Period"];
            previous: components["schemas"]["PreviousPeriod"] | null;
        };
        /** @description An API key, without the key itself, which only its owner has. */
        ApiKey: {
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description From when on it is refused. `null` if never.
             */
            expires_at: string | null;
            /** Format: int64 */
            id: number;
            /** @description `false` once it was revoked. */
            is_active: boolean;
            /**
             * @description `3dp_` and the first 8 characters of the rest.
             * @example 3dp_k3Yx9QpL
             */
            key_prefix: string;
            /**
             * Format: date-time
             * @description When it was last used, to the minute. `null` if it never was.
             */
            last_used: string | null;
            /** @description What it is for. */
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
        /** @description The import of the printer's own history. */
        Backfill: {
            /** @description What stopped it last. `null` if nothing did. */
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
        Capability: "identify" | "server_info" | "host_clock" | "history" | "object_list" | "subscription" | "metadata" | "temperature_store" | "print_stats" | "history_import";
        /**
         * @description Growth: 0.1 is a tenth more than before. `null` where there was nothing before, one of the two is unknown, or the value is
         *     missing for more than 5 % of the jobs of either period (`jobs_without_…`).
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
             * @description The difference of the two rates, not their ratio.
             */
            success_rate: number | null;
            /** Format: double */
            total_time: number | null;
        };
        /** @enum {string} */
        ComparisonBase: "previous" | "last_month" | "last_year";
        /** @description The link to Moonraker. */
        Connection: {
            /** @description Why it is not connected, in plain words. `null` when it is. */
            reason: string | null;
            /**
             * Format: date-time
             * @description Since when it is in this state.
             */
            since: string;
            /** @description `disabled` by `is_active`, `unauthorized` if the printer wants a key, or another one. */
            state: components["schemas"]["ConnectionState"];
        };
        /** @enum {string} */
        ConnectionState: "disabled" | "connecting" | "connected" | "unreachable" | "unauthorized";
        /** @description Cost in one currency. */
        Cost: {
            /** Format: double */
            amount: number;
            /** @description As the files name it, or else `api.currency` of the configuration. `null` without both. */
            currency: string | null;
            /**
             * Format: int64
             * @description Jobs whose cost this is.
             */
            jobs: number;
        };
        /** @description Growth of the cost in one currency. */
        CostChange: {
            /** Format: double */
            change: number | null;
            currency: string | null;
        };
        /** @description A key that was just made. */
        CreatedApiKey: components["schemas"]["ApiKey"] & {
            /**
             * @description The key. Shown this once: only its hash is stored.
             * @example 3dp_k3Yx9QpLvT0aGm5ZrB8nC1dEeFfHhJjKkLlMmNnPpQq
             */
            key: string;
        };
        /** @description The print in the machine. */
        CurrentJob: {
            /**
             * Format: int64
             * @description Layer being printed, from 1. `null` if the gcode does not say.
             */
            current_layer: number | null;
            /**
             * Format: date-time
             * @description When it should end. `null` while nothing sensible can be said.
             */
            eta: string | null;
            /**
             * Format: double
             * @description Filament so far, in mm.
             */
            filament_used: number | null;
            /** @description File, relative to the gcodes folder. */
            filename: string | null;
            /**
             * Format: int64
             * @description The job as in `/api/jobs/{id}`. `null` in the moment before it is written.
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
             * @description Layers in all. `null` if the gcode does not say.
             */
            total_layer: number | null;
        };
        /** @description The database. */
        Database: {
            /** @description Name of the newest change of the tables. */
            schema_version: string;
            /**
             * Format: int64
             * @description Bytes on the disk. `null` if the engine does not tell.
             */
            size_bytes: number | null;
            type: components["schemas"]["DatabaseType"];
            /**
             * @description Of the engine, in its own words.
             * @example 3.50.2
             */
            version: string;
        };
        /** @enum {string} */
        DatabaseType: "sqlite" | "mysql" | "mariadb";
        /** @description Jobs without all their details, by how they stand. */
        DetailsQueue: {
            /**
             * Format: int64
             * @description Given up.
             */
            failed: number;
            /**
             * Format: int64
             * @description Known in part.
             */
            partial: number;
            /**
             * Format: int64
             * @description Not known yet.
             */
            pending: number;
        };
        /** @enum {string} */
        DetailsSource: "file" | "moonraker";
        /** @enum {string} */
        DetailsStatus: "pending" | "done" | "partial" | "failed";
        /** @description What was found on the local network. */
        DiscoveredList: {
            /** @description By name. */
            items: components["schemas"]["DiscoveredPrinter"][];
        };
        /** @description A Moonraker on the local network. */
        DiscoveredPrinter: {
            /** @description Addresses of the host, IPv4 first. */
            addresses: string[];
            /**
             * @description Its host.
             * @example voron.local
             */
            hostname: string;
            /**
             * @description Where this server reaches it: by its name if that can be resolved here, else by its address.
             * @example http://voron.local:7125
             */
            moonraker_url: string;
            /**
             * @description Its name on the network.
             * @example Moonraker @ voron
             */
            name: string;
            /** Format: int32 */
            port: number;
            /**
             * Format: int64
             * @description The printer that has this address already. `null` if none has.
             */
            printer_id: number | null;
        };
        /** @description Time that completed jobs took (`print_duration`), compared with what their slicers thought. */
        EstimateAnalytics: {
            all: components["schemas"]["EstimateRatio"];
            by_material: components["schemas"]["EstimateRatio"][];
            by_printer: components["schemas"]["EstimateRatio"][];
            by_slicer: components["schemas"]["EstimateRatio"][];
            /**
             * Format: int64
             * @description Jobs that a group must have for its quartiles to be shown.
             */
            enough_jobs: number;
            period: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Completed jobs that cannot be compared, because one of the two is not known.
             */
            unknown_jobs: number;
        };
        /** @description Actual time over estimated time: 1.1 took a tenth longer than the slicer thought. */
        EstimateRatio: {
            /** @description Whether there are enough of them. */
            enough_data: boolean;
            /**
             * Format: int64
             * @description Jobs that were compared.
             */
            jobs: number;
            /** @description Name of the printer, the material or the slicer. `null` if that is not known, and for all jobs. */
            key: string | null;
            /**
             * Format: double
             * @description A quarter of the jobs lies below. `null` without enough data.
             */
            lower_quartile: number | null;
            /** Format: double */
            median: number | null;
            /** @description `not enough data`, where there is not. Else `null`. */
            note: string | null;
            /** Format: int64 */
            printer_id: number | null;
            /**
             * Format: double
             * @description A quarter of the jobs lies above.
             */
            upper_quartile: number | null;
        };
        /** @description Jobs that failed: ended by a fault (`error`), or nobody saw how (`interrupted`). Cancelled ones did not. */
        FailureAnalytics: {
            all: components["schemas"]["FailureGroup"];
            /** @description By cause, in Moonraker's words; jobs that did not fail have none. */
            by_cause: components["schemas"]["FailureGroup"][];
            /** @description The 20 files with the most failed jobs. */
            by_file: components["schemas"]["FailureGroup"][];
            /**
             * @description By the hour of the print, with pauses, in which it failed: the first is hour 0. Hours without a failure are left
             *     out.
             */
            by_hour: components["schemas"]["FailureHour"][];
            by_material: components["schemas"]["FailureGroup"][];
            by_printer: components["schemas"]["FailureGroup"][];
            /**
             * Format: int64
             * @description Failed jobs of which nobody knows how long they ran.
             */
            jobs_without_hour: number;
            period: components["schemas"]["Period"];
        };
        /** @description Failures of a group of jobs. */
        FailureGroup: {
            /** Format: int64 */
            failed: number;
            /** @description A cause, the name of a printer or of a file, or a material. `null` if that is not known, and for all jobs. */
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
             * @description `failed` of them, 0 to 1; of a cause its part of all that failed.
             */
            rate: number | null;
        };
        FailureHour: {
            /** Format: int64 */
            failed: number;
            /** Format: int64 */
            hour: number;
        };
        /** @description What is wrong with a field of the body, or with a parameter of the path or the query. */
        FieldError: {
            /** @description Name of the field; of a field within a field `outer.inner`. */
            field: string;
            /** @description What is wrong and what is allowed. */
            message: string;
        };
        /** @description What a group of jobs comes to. Sums are over what is known; how many jobs are missing from each stands beside it. */
        Figures: {
            /** @description Means over the jobs of which each is known. */
            average: components["schemas"]["AverageJob"];
            by_status: components["schemas"]["JobsByStatus"];
            /** @description Cost of the filament used, by the slicer's price, one entry a currency. Empty if no cost is known. */
            cost: components["schemas"]["Cost"][];
            /**
             * Format: double
             * @description Filament used in g: the known and the estimated.
             */
            filament_g: number | null;
            /**
             * Format: double
             * @description g, computed with the usual density of the material.
             */
            filament_g_estimated: number | null;
            /**
             * Format: double
             * @description g, of files that say what their filament weighs.
             */
            filament_g_known: number | null;
            /**
             * Format: double
             * @description Sum of `filament_used`, in mm.
             */
            filament_mm: number | null;
            /**
             * Format: int64
             * @description All jobs, also those that run.
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
             * @description Completed jobs of those that completed or failed (`error`, `interrupted`), 0 to 1. `null` if there are none.
             */
            success_rate: number | null;
            /**
             * Format: int64
             * @description Jobs that `success_rate` is about: completed and failed ones; neither cancelled nor running ones.
             */
            success_rate_of: number;
            /**
             * Format: double
             * @description Sum of `total_duration` (with pauses), in s.
             */
            total_time: number | null;
        };
        /** @description Filament, divided in four ways. A job counts once in each. */
        FilamentAnalytics: {
            by_brand: components["schemas"]["Group"][];
            by_color: components["schemas"]["Group"][];
            by_printer: components["schemas"]["Group"][];
            /** @description By type, such as `PLA`: of jobs with several materials the main one. */
            by_type: components["schemas"]["Group"][];
            period: components["schemas"]["Period"];
        };
        /** @description Files, with what came of their jobs. */
        FileAnalytics: {
            /** @description In the order of `sort`. */
            items: components["schemas"]["FileFigures"][];
            /**
             * Format: int64
             * @description Jobs whose file is not known.
             */
            jobs_without_file: number;
            period: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Files in all.
             */
            total: number;
        };
        /** @description How it went with a file, on all printers. */
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
             * @description Filament in mm of jobs that ended without completing: failed and cancelled ones.
             */
            filament_lost_mm: number;
            /** @description Relative to the gcodes folder. */
            filename: string;
            /**
             * Format: int64
             * @description Such jobs of which it is unknown.
             */
            jobs_without_filament_lost_g: number;
            /**
             * Format: int64
             * @description Such jobs of which it is unknown.
             */
            jobs_without_filament_lost_mm: number;
        };
        /** @enum {string} */
        FileOrder: "jobs" | "failed" | "success_rate" | "filament_lost";
        /** @description Jobs that have something in common. */
        Group: components["schemas"]["Figures"] & {
            /** @description What they have in common: a name. `null` if it is not known. */
            key: string | null;
            /**
             * Format: int64
             * @description Where they have a printer in common.
             */
            printer_id: number | null;
        };
        /** @description Whether the server works, part by part. */
        Health: {
            /** @description The database answers. A warning if it refused what was written last. */
            database: components["schemas"]["Part"];
            details: components["schemas"]["HealthDetails"] | null;
            /** @description The task that follows the printers runs. Printers that are switched off are no trouble. */
            fleet: components["schemas"]["Part"];
            /** @description Backups are made when they are due, and what is kept for a limited time goes in time. A warning while one fails. */
            housekeeping: components["schemas"]["Part"];
            /** @description API keys of printers can be stored, and those stored can be read. */
            printer_keys: components["schemas"]["Part"];
            /** @description The worst of the parts. */
            status: components["schemas"]["Verdict"];
            /**
             * @description printlog's version.
             * @example 0.1.0
             */
            version: string;
            /**
             * @description What was heard of jobs, and read of their files, is in the database. A warning while some of it waits, or printers
             *     cannot be followed without writing.
             */
            writing: components["schemas"]["Part"];
        };
        /** @description Jobs without all their details, by status, each counted up to 1000. `GET /api/system` counts all. */
        HealthDetails: components["schemas"]["DetailsQueue"] & {
            /** @description Whether there are more jobs than these numbers say. If so, one of them is 1000. */
            has_more: boolean;
        };
        /** @description Jobs by weekday and hour, and by day, of their starts on the clocks of the time zone. */
        Heatmap: {
            /** @description The days with jobs, in order. */
            calendar: components["schemas"]["HeatmapDay"][];
            period: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Jobs that are in neither because nobody knows when they started.
             */
            undated_jobs: number;
            /** @description All 168 hours of a week, Monday first. The hour that is there twice when clocks go back counts as one. */
            week: components["schemas"]["HeatmapHour"][];
        };
        HeatmapCell: {
            /** Format: int64 */
            completed: number;
            /**
             * Format: int64
             * @description Ended by a fault, or nobody saw how.
             */
            failed: number;
            /** Format: int64 */
            jobs: number;
            /**
             * Format: double
             * @description s, without pauses, where known.
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
        /** @description A job: one run of one gcode file. */
        Job: {
            /** @description Why it ended, in Moonraker's words, such as `klippy_shutdown`. `null` until then. */
            cause: string | null;
            /** @description Whether its times contradict each other because the printer's clock was set. */
            clock_jumped: boolean;
            /** Format: date-time */
            created_at: string;
            end_source: components["schemas"]["Source"] | null;
            /**
             * Format: date-time
             * @description `null` while it runs, and if nobody saw the end.
             */
            end_time: string | null;
            /** @description Who says what it took, likewise. */
            figures_source: components["schemas"]["Source"];
            /**
             * Format: double
             * @description Filament in mm.
             */
            filament_used: number | null;
            /** @description File, relative to the gcodes folder. */
            filename: string | null;
            /** Format: int64 */
            id: number;
            /** @description Moonraker's id. Not unique: Moonraker uses ids again. `null` if its history does not know the run. */
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
            /** @description Who started it, in Moonraker's words. */
            user: string | null;
        };
        /** @description A field of a job that a user changed. */
        JobChange: {
            /** Format: date-time */
            changed_at: string;
            /** @description Name of the API key that was used, or that the session was opened with. */
            changed_by: string;
            /** @description Name of the field, such as `verdict`. */
            field: string;
            /** @description What is said since. `null` if nothing is. */
            new: unknown;
            /** @description What was said before, as the field has it. `null` if nothing was. */
            old: unknown;
        };
        /** @description What users changed of a job. */
        JobChangeList: {
            /** @description Newest first. */
            items: components["schemas"]["JobChange"][];
        };
        /** @description Cost of a job. */
        JobCost: {
            /** Format: double */
            amount: number;
            /** @description As the file names it, or else `api.currency` of the configuration. `null` without both. */
            currency: string | null;
        };
        /** @description What the slicer wrote into the file of a job. */
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
            /** @description The plate in use, in the slicer's words. */
            bed_type: string | null;
            /** Format: int64 */
            bottom_layers: number | null;
            /**
             * Format: double
             * @description °C
             */
            chamber_temp: number | null;
            /** @description Where the file names it, such as `EUR`. */
            currency: string | null;
            /**
             * Format: double
             * @description g that the slicer planned.
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
            /** @description Name of its profile. */
            filament_name: string | null;
            /**
             * @description The main one by weight.
             * @example PLA
             */
            filament_type: string | null;
            /**
             * Format: double
             * @description cm³ that the slicer planned.
             */
            filament_used_cm3: number | null;
            /**
             * Format: double
             * @description g that the job used, from the measured length: right also for a job that ended early.
             */
            filament_used_g: number | null;
            /** @description What these grams were computed with: `slicer_ratio`, `file_density` or `usual_density` (of the material). */
            filament_used_g_source: string | null;
            /**
             * Format: double
             * @description mm that the slicer planned.
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
            /** @description All keys and values as they stand in the file. Only with `raw=true`. */
            raw_metadata: Record<string, never> | null;
            slicer: string | null;
            slicer_version: string | null;
            source: components["schemas"]["DetailsSource"] | null;
            /**
             * @description mm/s by feature: `outer_wall`, `inner_wall`, `infill`, `solid_infill`, `top_surface`, `support`, `first_layer`,
             *     `travel`.
             */
            speeds: Record<string, never> | null;
            /** @description Whether the print is one spiral (vase mode). */
            spiral_vase: boolean | null;
            support_enabled: boolean | null;
            support_type: string | null;
            /** @description Images, smallest first. */
            thumbnails: components["schemas"]["Thumbnail"][];
            /** @description Materials, one a slot of the printer. */
            tools: Record<string, never>[];
            /** Format: int64 */
            top_layers: number | null;
            /** Format: int64 */
            wall_count: number | null;
            /** @description What is missing from the file, or had to be decided. */
            warnings: Record<string, never>[];
        };
        /**
         * @description The values that jobs have. Each list is computed under all filters except its own, so that it shows what another choice
         *     would find. The value of most jobs comes first; values that differ in case only are one.
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
            /** @description Whether `GET /api/jobs/{id}/thumbnail` has an image of it. */
            has_thumbnail: boolean;
            /**
             * Format: double
             * @description mm
             */
            layer_height: number | null;
            /** @description Slicer that wrote the file. */
            slicer: string | null;
            /** @description A user's words to find it by, in alphabetical order. */
            tags: string[];
            /** @description What a user calls it. `null` if nobody gave it a title. */
            title: string | null;
            verdict: components["schemas"]["JobVerdict"] | null;
            /** @description Why, by a user's word. */
            verdict_reason: string | null;
        };
        /** @description A page of jobs. */
        JobList: {
            /** @description In the order that was asked for. */
            items: components["schemas"]["JobItem"][];
            /** @description `cursor` of the next page. `null` on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description Number of jobs on all pages.
             */
            total: number;
        };
        /** @description What is to be said of a job from now on. What is left out stays as it is, `null` removes it. */
        JobPatch: {
            /** @description Anything else. */
            notes?: string | null;
            /**
             * @description Words to find it by, all of them. Those that differ by case or Unicode form only are one. No commas, which people put between
             *     tags.
             * @example [
             *       "gift",
             *       "PETG"
             *     ]
             */
            tags?: components["schemas"]["Tag"][] | null;
            /**
             * @description What it is called, in the place of the file name.
             * @example Bracket for the lamp
             */
            title?: string | null;
            verdict?: components["schemas"]["JobVerdict"] | null;
            /**
             * @description Why, in words of `GET /api/verdict-reasons`. Goes with the verdict.
             * @example Warped
             */
            verdict_reason?: string | null;
        };
        /** @description A pause of a job, by printlog's clock. */
        JobPause: {
            /** Format: date-time */
            paused_at: string;
            /**
             * Format: date-time
             * @description When it went on, or ended. `null` while it lasts, and if nobody saw it.
             */
            resumed_at: string | null;
        };
        /** @enum {string} */
        JobStatus: "printing" | "paused" | "completed" | "error" | "cancelled" | "interrupted";
        /** @description Sums over all jobs of a printer, whatever their status. Unknown amounts add nothing. */
        JobTotals: {
            /**
             * Format: date-time
             * @description When a job last changed. `null` if there is none.
             */
            last_updated: string | null;
            /**
             * Format: double
             * @description Seconds of the longest job. `null` if no job has a known length.
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
        /** @description A job with all that is known of it. */
        JobWithDetails: components["schemas"]["JobItem"] & {
            /** @description What Moonraker's other components added, such as spools. */
            auxiliary_data: unknown;
            details: components["schemas"]["JobDetails"] | null;
            /** @description What stood in the way. `null` if nothing did. */
            details_reason: string | null;
            /** @description How the details stand: `pending`, `done`, `partial` (what the printer knew of the file) or `failed`. */
            details_status: components["schemas"]["DetailsStatus"];
            /**
             * Format: date-time
             * @description The start that Moonraker noted. Differs from `start_time` where Moonraker missed the start.
             */
            history_start_time: string | null;
            /** @description File metadata as Moonraker had it at the start. */
            metadata: Record<string, never> | null;
            /** @description What else a user says of it. */
            notes: string | null;
            /** @description When it stood still, first to last: the pauses that printlog saw begin. */
            pauses: components["schemas"]["JobPause"][];
        };
        /** @description Jobs by how they stand. */
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
        /** @description Jobs by what a user says of them. */
        JobsByVerdict: {
            /** Format: int64 */
            good: number;
            /**
             * Format: int64
             * @description Nobody has judged them.
             */
            none: number;
            /** Format: int64 */
            partly_good: number;
            /** Format: int64 */
            scrap: number;
        };
        /** @description All keys. */
        KeyList: {
            /** @description Oldest first, with those that were revoked or have expired. */
            items: components["schemas"]["ApiKey"][];
        };
        /** @enum {string} */
        KeyScope: "read" | "admin";
        /** @enum {string} */
        KlippyState: "disconnected" | "startup" | "ready" | "error" | "shutdown";
        /**
         * @description Address of a Moonraker: a URL with http, https, ws or wss, or only the host. The default port is 7125, or 443 with https and wss. User and password, as in http://USER:PASSWORD@HOST, are the login of a proxy; they are stored encrypted together with the API key, and never shown.
         * @example http://voron.local:7125
         */
        MoonrakerUrl: string;
        /** @description A key to be made. */
        NewApiKey: {
            /**
             * Format: date-time
             * @description From when on it is refused. `null` or left out: never.
             * @example 2099-01-31T00:00:00Z
             */
            expires_at?: string | null;
            /**
             * @description What it is for.
             * @example laptop
             */
            name: string;
            /** @description What it may do: `read` what was printed and how the printers are, or everything. Left out: everything. */
            scope?: components["schemas"]["KeyScope"];
        };
        /** @description A reason to be added. */
        NewVerdictReason: {
            /** @example Elephant's foot */
            name: string;
        };
        /** @description What a gcode file says of itself. */
        ParsedGcode: {
            details: Record<string, never>;
            thumbnails: Record<string, never>[];
            tools: Record<string, never>[];
            warnings: Record<string, never>[];
        };
        Part: {
            /** @description What is wrong. `null` if nothing is. */
            reason: string | null;
            status: components["schemas"]["Verdict"];
        };
        /** @description Which jobs an answer is about, by when they started. */
        Period: {
            /**
             * Format: date-time
             * @description `null`: since ever.
             */
            since: string | null;
            /**
             * @description IANA name of the time zone that days and hours are of.
             * @example Europe/Berlin
             */
            tz: string;
            /**
             * Format: date-time
             * @description `null`: until now.
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
            /** @description Whether an API key or a login is stored for its Moonraker. Neither is ever shown. */
            has_moonraker_api_key: boolean;
            /** Format: int64 */
            id: number;
            /** @description Whether printlog follows it. */
            is_active: boolean;
            /**
             * Format: date-time
             * @description When it last said anything, to the minute. `null` if it never did.
             */
            last_seen: string | null;
            /** @description Where it stands. `null` if not given. */
            location: string | null;
            /**
             * @description Address of its Moonraker.
             * @example http://voron.local:7125
             */
            moonraker_url: string;
            /** @description Unique, without regard to case and surrounding blanks. */
            name: string;
            totals: components["schemas"]["JobTotals"];
            /** Format: date-time */
            updated_at: string;
        };
        /** @description The figures of one printer of a period. */
        PrinterAnalytics: components["schemas"]["PrinterFigures"] & {
            period: components["schemas"]["Period"];
        };
        /** @description The figures of each printer of a period. */
        PrinterComparison: {
            /** @description Printers by name, also those without a job. */
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
        /** @description The figures of a printer. */
        PrinterFigures: components["schemas"]["Figures"] & {
            /**
             * Format: double
             * @description s in which it was at a job.
             */
            busy_time: number | null;
            /**
             * Format: int64
             * @description Jobs that ended by a fault, or whose end nobody saw.
             */
            failed: number;
            /**
             * Format: date-time
             * @description When its first job of the period started.
             */
            first_job: string | null;
            /**
             * Format: date-time
             * @description When its last one started.
             */
            last_job: string | null;
            /**
             * Format: double
             * @description `total_time` for each failed job, in s. `null` if none failed.
             */
            mean_time_between_failures: number | null;
            /**
             * Format: double
             * @description s of the period: from `since`, else from its first job, until `until`, at most now.
             */
            period_time: number | null;
            /** Format: int64 */
            printer_id: number;
            printer_name: string;
            /**
             * Format: double
             * @description Part of the period in which it was at a job, 0 to 1: all its jobs, whatever the filter says beyond the period;
             *     where two overlap, once. `null` without `since` if it has no job.
             */
            utilisation: number | null;
        };
        /** @description What is to be said of a printer. */
        PrinterInput: {
            /**
             * @description Whether printlog follows it.
             * @default true
             */
            is_active: boolean;
            /**
             * @description Where it stands. `null` or left out: not said.
             * @example Workshop
             */
            location?: string | null;
            /**
             * @description Moonraker's API key, if it wants one. Left out, a stored key stays, and so does a login; `null` removes both, and
             *     another key takes the place of both.
             */
            moonraker_api_key?: string | null;
            moonraker_url: components["schemas"]["MoonrakerUrl"];
            /**
             * @description Unique, without regard to case and surrounding blanks.
             * @example Voron
             */
            name: string;
        };
        /** @description A part of Moonraker's API that this printer does not offer. */
        PrinterLimitation: {
            capability: components["schemas"]["Capability"];
            /**
             * @description What is missing, what that means, and how the printer refused it.
             * @example this Moonraker keeps no history; jobs are recorded from print_stats only (printer refused `server.history.list` (code -32601): Method not found)
             */
            reason: string;
        };
        /** @description All printers. */
        PrinterList: {
            /** @description By name. */
            items: components["schemas"]["Printer"][];
        };
        /** @description What a printer does right now. */
        PrinterStatus: {
            backfill: components["schemas"]["Backfill"];
            connection: components["schemas"]["Connection"];
            /** @description Why changes of its jobs wait for the database, or it is not followed. `null` when nothing waits. */
            database_trouble: string | null;
            job: components["schemas"]["CurrentJob"] | null;
            /** @description Klipper's own words on its state. `null` if it has none. */
            klippy_message: string | null;
            klippy_state: components["schemas"]["KlippyState"] | null;
            /**
             * Format: date-time
             * @description When the printer last said anything. `null` if it never did.
             */
            last_seen: string | null;
            /** @description What its Moonraker did not offer at the last connection. Prints are recorded all the same. */
            limitations: components["schemas"]["PrinterLimitation"][];
            /** @description `null` until the printer answered once. */
            moonraker_version: string | null;
            /** Format: int64 */
            printer_id: number;
            /** @description Heaters and sensors by Klipper's names (`extruder`, `heater_bed`, …). Empty while not connected. */
            temperatures: {
                [key: string]: components["schemas"]["Temperature"];
            };
        };
        /** @description What a try showed. */
        PrinterTest: {
            /** @description Name of the printer's host. `null` while Klipper is not there to tell. */
            hostname: string | null;
            /** @description `null` if it was not reached. */
            klippy_state: string | null;
            /** @description What this Moonraker does not offer. Prints are recorded all the same. */
            limitations: components["schemas"]["PrinterLimitation"][];
            /**
             * @description The address that a Moonraker answers at, with scheme and port: what to save. `null` if there is none.
             * @example http://voron.local:7125
             */
            moonraker_url: string | null;
            /** @description `null` if it was not reached. */
            moonraker_version: string | null;
            /** @description Whether printlog can follow the printer. */
            ok: boolean;
            outcome: components["schemas"]["TestOutcome"];
            /**
             * @description In plain words, what is wrong and what to do. `null` if nothing is. A printer whose Klipper is not ready is ok
             *     all the same.
             */
            reason: string | null;
        };
        /** @description An address and a key to try. */
        PrinterTestInput: {
            /** @description Moonraker's API key, if it wants one. */
            moonraker_api_key?: string | null;
            /**
             * @description Address of a Moonraker.
             * @example http://voron.local:7125
             */
            moonraker_url: string;
            /**
             * Format: int64
             * @description A printer that is there already: its stored key is tried if none is given here, and only at the scheme, host and
             *     port that it was stored for.
             */
            printer_id?: number | null;
        };
        /** @description Why a request was not carried out (RFC 9457). */
        Problem: {
            /** @description What is wrong here, in a sentence for people. */
            detail: string;
            /** @description What is wrong with each field or parameter. Left out if it is not about fields. */
            errors?: components["schemas"]["FieldError"][];
            /**
             * Format: int64
             * @description How many jobs the printer has that was to be deleted. Left out elsewhere.
             */
            job_count?: number | null;
            /**
             * Format: int32
             * @description HTTP status.
             * @example 422
             */
            status: number;
            /**
             * @description The status in words.
             * @example Unprocessable Entity
             */
            title: string;
            /**
             * @description Kind of problem. Always `about:blank`: the status says it all.
             * @example about:blank
             */
            type: string;
        };
        /** @description What scrap cost. Sums are over what is known; how many jobs are missing from each stands beside it. */
        Scrap: {
            /** @description Cost of the filament used, by the slicer's price, one entry a currency. Empty if no cost is known. */
            cost: components["schemas"]["Cost"][];
            /**
             * Format: double
             * @description Filament used in g, known and estimated.
             */
            filament_g: number | null;
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
        /** @description Who is signed in. */
        Session: {
            /**
             * Format: date-time
             * @description When the session ends, if it is not used until then. Each use moves that on, to the day, at most to the end of
             *     the key.
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
        /** @description Somebody who wants to sign in. */
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
        /** @description What the server is and what it keeps. */
        System: {
            /**
             * @description Currency of the costs of files that name none (`api.currency`). `null` if it is not set.
             * @example EUR
             */
            currency: string | null;
            database: components["schemas"]["Database"];
            /** @description Jobs that wait for what their slicers knew. */
            details: components["schemas"]["DetailsQueue"];
            /**
             * @description The time zone that analytics use where a request gives no `tz` (`api.timezone`).
             * @example Europe/Berlin
             */
            timezone: string;
            /** @description Whether `tz` is a time zone that analytics take. `null` if the request gives none. */
            tz_is_known: boolean | null;
            /**
             * Format: int64
             * @description Seconds since the server was started.
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
        /** @description A tag that jobs have. */
        TagInUse: {
            /**
             * Format: int64
             * @description How many jobs have it.
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
             * @description Wanted; 0 is off. `null` for a sensor without a heater.
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
        /** @description Jobs by when they started. */
        Timeline: {
            /** @description Length of the parts: as asked for, or the next larger one with which there are at most 30,000. */
            bucket: components["schemas"]["Bucket"];
            /** @description The parts, without gaps: from that of `since`, else of the first job, to that of `until`, else of the last job. */
            buckets: components["schemas"]["TimelineBucket"][];
            period: components["schemas"]["Period"];
            /** @description One for each status, printer or material that has jobs, the one with the most first; from the 25th on all in one. */
            series: components["schemas"]["TimelineSeries"][];
            stack: components["schemas"]["Stack"];
            /**
             * Format: int64
             * @description Jobs that are in no part because nobody knows when they started.
             */
            undated_jobs: number;
        };
        /** @description A part of a timeline. */
        TimelineBucket: {
            /**
             * Format: date-time
             * @description Where the next one starts.
             */
            end: string;
            /**
             * @description Its name on the clocks of the time zone: `2026-01-31 13:00`, `2026-01-31`, `2026-W05`, `2026-01` or `2026`.
             * @example 2026-W05
             */
            label: string;
            /** Format: date-time */
            start: string;
        };
        /** @description Jobs that have something in common; each list has a number for each part. */
        TimelineSeries: {
            /** @description g, known or estimated. */
            filament_g: number[];
            /** @description mm, where known. */
            filament_mm: number[];
            /** @description Whether these are all that are in no series of their own. */
            is_other: boolean;
            /** @description Number of jobs. */
            jobs: number[];
            /** @description A status, the name of a printer, or a material. `null` if that is not known, and for all others in one. */
            key: string | null;
            /** @description s, without pauses, where known. */
            print_time: number[];
            /**
             * Format: int64
             * @description Where they have a printer in common.
             */
            printer_id: number | null;
        };
        /** @description Jobs with a value. */
        ValueFacet: {
            /** Format: int64 */
            jobs: number;
            /** @description The spelling of most jobs. `null`: unknown, or not given; an empty filter value selects these jobs. */
            value: string | null;
        };
        /**
         * @description How a part works: with a warning it does, but somebody should look.
         * @enum {string}
         */
        Verdict: "ok" | "warning" | "error";
        /** @description What users say of jobs that they have judged, whatever the printer said of them. */
        VerdictAnalytics: {
            all: components["schemas"]["VerdictGroup"];
            by_material: components["schemas"]["VerdictGroup"][];
            by_printer: components["schemas"]["VerdictGroup"][];
            /** @description Judged jobs, by the reason of the verdict; the most given first. */
            by_reason: components["schemas"]["VerdictGroup"][];
            period: components["schemas"]["Period"];
        };
        /** @description Jobs with a rating. */
        VerdictFacet: {
            /** Format: int64 */
            jobs: number;
            /** @description Their reasons; empty for jobs that are not rated. */
            reasons: components["schemas"]["ValueFacet"][];
            verdict: components["schemas"]["JobVerdict"] | null;
        };
        /** @description A group of jobs by verdict. */
        VerdictGroup: {
            by_verdict: components["schemas"]["JobsByVerdict"];
            /**
             * Format: double
             * @description Good ones of those that were judged, 0 to 1. `null` if none was.
             */
            good_share: number | null;
            /**
             * Format: int64
             * @description All jobs of the group, judged or not.
             */
            jobs: number;
            /**
             * Format: int64
             * @description Jobs with a verdict.
             */
            judged: number;
            /** @description A reason, the name of a printer, or a material. `null` if that is not known or not given, and for all jobs. */
            key: string | null;
            /** Format: int64 */
            printer_id: number | null;
            scrap: components["schemas"]["Scrap"];
        };
        /** @description Why prints are good or not, as users like to put it. */
        VerdictReason: {
            /** Format: int64 */
            id: number;
            /** @description What it says. Unique, without regard to case. */
            name: string;
        };
        /** @description All reasons. */
        VerdictReasonList: {
            /** @description In the order in which they were made. */
            items: components["schemas"]["VerdictReason"][];
        };
        /** @description A text, or nothing for jobs of which it is unknown. */
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
        /** @description The server failed. Its log says why. */
        Failed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The key may only read, and this needs one that may do everything; or a page of another site asks for it with the cookie of a session. */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Something in the request is not acceptable; `errors` names the fields. */
        Invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is not sent as JSON. */
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
        /** @description Too many keys from this address were wrong; `Retry-After` says how long to wait. */
        TooMany: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description No API key, or one that is wrong, expired or revoked. */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not now: the server starts, or is overloaded. */
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
                    /** @description Where the key is. */
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
            /** @description Revoked, or was before. */
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
            /** @description It is the last one. */
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
                 * @description Time zone of days and hours, by its IANA name. Defaults to `api.timezone` of the configuration.
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
            /** @description The cursor is a place in a list that is sorted otherwise. */
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
                /** @description Format of the file. */
                format?: ("csv" | "json" | "ndjson" | "xlsx" | "parquet") & Record<string, never>;
                /**
                 * @description Whether CSV begins with a byte order mark. Without one, Excel assumes the legacy encoding of the system. No
                 *     effect on other formats.
                 */
                bom?: boolean;
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
            /** @description Eight exports are being sent already, or the database does not answer. */
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
            /** @description The reason is none of the list's, or the job would have it without a verdict. */
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
            /** @description No such job, or nothing is known of what the slicer planned for it. */
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
            /** @description Will be done. */
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
            /** @description As `If-None-Match` says. */
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
                    /** @description Where the printer is. */
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
            /** @description A page of another site asks, or a proxy hides the address of the page. */
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
            /** @description Too many attempts have failed. */
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
            /** @description A page of another site asks for it. */
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
                    /** @description Where the list is. */
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
            /** @description All parts work, maybe with a warning. */
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
