//! Moonraker's JSON-RPC methods.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use crate::{
    Version,
    history::{self, HistoryFault, ListQuery},
    klippy::KlippyState,
    model::{Model, Refused},
    moonraker::{KlippyLink, TRUSTED_USER},
    params::{Answer, Params, Refusal, refuse, unauthorized},
    status::Subscription,
};

impl Model {
    /// Handles a frame from a client.
    pub(crate) fn frame(&mut self, connection: u64, text: &str) {
        let answer = match serde_json::from_str::<Value>(text) {
            Err(_) => Some(error(&Value::Null, &refuse(-32700, "Parse error"))),
            Ok(Value::Array(requests)) => {
                let answers: Vec<Value> = requests
                    .iter()
                    .filter_map(|request| self.request(connection, request))
                    .collect();
                (!answers.is_empty()).then_some(Value::Array(answers))
            }
            Ok(request) if self.holds(connection, &request, text) => None,
            Ok(request) => self.request(connection, &request),
        };
        if let Some(answer) = answer {
            self.connections
                .answer(connection, answer.to_string(), &mut self.random);
        }
    }

    /// Handles a call over HTTP, where authorization works differently.
    pub(crate) fn http_call(&mut self, method: &str) -> Option<Value> {
        self.call(None, method, &Params(Map::new())).ok()
    }

    fn request(&mut self, connection: u64, request: &Value) -> Option<Value> {
        self.connections.counters.requests.fetch_add(1, Ordering::Relaxed);
        let id = request.get("id").cloned();
        let method = request.get("method").and_then(Value::as_str);
        let Some(method) = method.filter(|_| request["jsonrpc"] == "2.0") else {
            return Some(error(
                &id.unwrap_or(Value::Null),
                &refuse(-32600, "Invalid Request"),
            ));
        };
        let answer = match request.get("params") {
            None => self.call(Some(connection), method, &Params(Map::new())),
            Some(Value::Object(params)) => self.call(Some(connection), method, &Params(params.clone())),
            Some(_) => Err(refuse(-32602, "Invalid params:")),
        };
        let id = id?;
        Some(match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": id }),
            Err(refusal) => error(&id, &refusal),
        })
    }

    fn call(&mut self, connection: Option<u64>, method: &str, params: &Params) -> Answer {
        let is_refused = |(begin, ..): &&(String, i64, String)| method.starts_with(begin.as_str());
        if let Some((_, code, message)) = self.refused.iter().find(is_refused) {
            return Err(refuse(*code, message));
        }
        if let Some(id) = connection {
            if method == "server.connection.identify" {
                return self.identify(id, params);
            }
            let authorized = self
                .connections
                .get_mut(id)
                .is_some_and(|connection| connection.authorized);
            if !authorized && method != "access.info" {
                return Err(unauthorized());
            }
        }
        let now = self.catch_up();
        match method {
            "server.info" => Ok(self.server_info()),
            "server.history.list" => self.history_list(params),
            "server.history.get_job" => self.history_job(params),
            "server.history.totals" => Ok(self.history.totals(self.config.version)),
            "server.history.reset_totals" => {
                if self
                    .moonraker
                    .as_ref()
                    .is_some_and(|moonraker| moonraker.current.is_some())
                {
                    return Err(refuse(400, "Job in progress, cannot reset totals"));
                }
                let last = self.history.totals(self.config.version)["job_totals"].take();
                self.history.reset_totals();
                Ok(json!({ "last_totals": last }))
            }
            "server.history.delete_job" => self.history_delete(params),
            "server.files.metadata" => self.files_metadata(params),
            "server.files.list" => {
                let files = self.files.iter().map(|(name, file)| {
                    json!({ "path": name, "modified": file.modified, "size": file.size, "permissions": "rw" })
                });
                Ok(files.collect())
            }
            "server.files.roots" => {
                Ok(json!([{ "name": "gcodes", "path": "/home/pi/printer_data/gcodes", "permissions": "rw" }]))
            }
            "machine.proc_stats" => {
                let mut stats = self.proc_stats(now);
                stats["moonraker_stats"] = json!([stats["moonraker_stats"]]);
                stats["throttled_state"] = json!({ "bits": 0, "flags": [] });
                stats["system_uptime"] = json!(now + 4_000.0);
                Ok(stats)
            }
            "server.temperature_store" => Ok(json!({
                "extruder": { "temperatures": [21.5], "targets": [0.0], "powers": [0.0] },
            })),
            "access.info" => Ok(json!({
                "default_source": "moonraker", "available_sources": ["moonraker"],
                "login_required": false, "trusted": self.config.trusted,
            })),
            "access.oneshot_token" => Ok(self.oneshot_token().into()),
            "server.restart" => {
                self.stop_moonraker();
                self.start_moonraker();
                Ok("ok".into())
            }
            _ => self.klippy_call(connection, method, params),
        }
    }

    fn identify(&mut self, id: u64, params: &Params) -> Answer {
        let key = params
            .0
            .get("api_key")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned);
        let known = self
            .connections
            .get_mut(id)
            .is_some_and(|connection| connection.identified);
        if known {
            return Err(refuse(400, "Connection already identified"));
        }
        for name in ["client_name", "version", "type", "url"] {
            params.text(name)?;
        }
        let rights = key.as_deref().map(|key| self.accepts_key(Some(key)));
        let Some(connection) = self.connections.get_mut(id) else {
            return Err(unauthorized());
        };
        match rights {
            Some(true) => connection.authorized = true,
            Some(false) => return Err(refuse(-32602, "Invalid API Key")),
            None if !connection.authorized => return Err(unauthorized()),
            None => {}
        }
        connection.identified = true;
        Ok(json!({ "connection_id": 140_103_807_000_000_u64 + id }))
    }

    /// Whether a client with this key, or without one, is authorized.
    pub(crate) fn accepts_key(&self, key: Option<&str>) -> bool {
        match key {
            None => self.config.trusted,
            Some(key) if Some(key) == self.config.api_key.as_deref() => true,
            Some(_) => self.config.trusted && self.config.version < Version::V0_11,
        }
    }

    pub(crate) fn oneshot_token(&mut self) -> String {
        let token = format!("{:016X}{:016X}", self.random.bits(), self.random.bits());
        if let Some(moonraker) = &mut self.moonraker {
            moonraker.tokens.push(token.clone());
        }
        token
    }

    pub(crate) fn takes_token(&mut self, token: &str) -> bool {
        let Some(moonraker) = &mut self.moonraker else {
            return false;
        };
        let before = moonraker.tokens.len();
        moonraker.tokens.retain(|known| known != token);
        moonraker.tokens.len() < before
    }

    fn server_info(&self) -> Value {
        let connected = self
            .moonraker
            .as_ref()
            .is_some_and(|moonraker| moonraker.link == KlippyLink::Connected);
        let state = match self.klippy_state() {
            Some(state) if connected => state.as_str(),
            _ => "disconnected",
        };
        let api = self.config.version.api_version();
        json!({
            "klippy_connected": connected,
            "klippy_state": state,
            "components": ["klippy_connection", "application", "websockets", "database", "file_manager", "klippy_apis",
                "machine", "data_store", "proc_stats", "job_state", "job_queue", "history", "authorization"],
            "failed_components": [],
            "registered_directories": ["config", "logs", "gcodes"],
            "warnings": [],
            "websocket_count": self.connections.list.len(),
            "moonraker_version": self.config.version.moonraker_version(),
            "missing_klippy_requirements": [],
            "api_version": api,
            "api_version_string": format!("{}.{}.{}", api[0], api[1], api[2]),
        })
    }

    fn history_list(&self, params: &Params) -> Answer {
        let version = self.config.version;
        let order = params.0.get("order").and_then(Value::as_str).unwrap_or("desc");
        let order = if version == Version::V0_8 {
            order.to_owned()
        } else {
            order.to_uppercase()
        };
        let descending = match order.as_str() {
            "desc" | "DESC" => true,
            "asc" | "ASC" => false,
            _ => return Err(refuse(400, format!("Invalid `order` value: {order}"))),
        };
        let query = ListQuery {
            start: usize::try_from(params.integer("start")?.unwrap_or(0)).unwrap_or(0),
            limit: params.integer("limit")?.unwrap_or(50),
            since: params.time("since")?,
            before: params.time("before")?,
            descending,
        };
        let limit = usize::try_from(query.limit).unwrap_or(0);
        let query = match self.history_fault {
            Some(HistoryFault::NoEnd(bytes)) => {
                let wall_clock = self.clock.wall(self.clock.now());
                return Ok(HistoryFault::endless(bytes, query.start, limit, wall_clock));
            }
            Some(HistoryFault::IgnoresStart) => ListQuery { start: 0, ..query },
            _ => query,
        };
        let mut answer = self.history.list(version, query, |row| self.exists(row))?;
        if let Some(fault) = self.history_fault {
            fault.corrupt(&mut answer);
        }
        Ok(answer)
    }

    fn history_job(&self, params: &Params) -> Answer {
        let uid = params.text("uid")?;
        let unknown = || refuse(-32601, format!("Invalid job uid: {uid}"));
        let id = self.job_id(uid)?;
        let row = self.history.row(id).ok_or_else(unknown)?;
        let mut job = history::job(self.config.version, id, &row, self.exists(&row))?;
        job["job_id"] = uid.into();
        Ok(json!({ "job": job }))
    }

    fn history_delete(&mut self, params: &Params) -> Answer {
        if params
            .0
            .get("all")
            .is_some_and(|all| *all == true || *all == "true")
        {
            let deleted: Vec<String> = self
                .history
                .delete_all()
                .into_iter()
                .map(|id| format!("{id:06X}"))
                .collect();
            return Ok(json!({ "deleted_jobs": deleted }));
        }
        let uid = params.text("uid")?;
        let id = self.job_id(uid)?;
        match self.history.delete(id) {
            true => Ok(json!({ "deleted_jobs": [uid] })),
            false => Err(refuse(-32601, format!("Invalid job uid: {uid}"))),
        }
    }

    fn job_id(&self, uid: &str) -> Result<u64, Refusal> {
        let digits = uid.strip_prefix("0x").unwrap_or(uid);
        u64::from_str_radix(digits, 16).map_err(|_| match self.config.version {
            Version::V0_8 => refuse(-32601, format!("Invalid job uid: {uid}")),
            version => refuse(
                version.internal_error(),
                format!("invalid literal for int() with base 16: '{uid}'"),
            ),
        })
    }

    fn files_metadata(&self, params: &Params) -> Answer {
        let name = params.text("filename")?;
        let Some(file) = self.files.get(name) else {
            return Err(refuse(-32601, format!("Metadata not available for <{name}>")));
        };
        let mut metadata = (*file.metadata).clone();
        metadata["filename"] = name.into();
        let last = file.last_print.as_ref();
        metadata["print_start_time"] = json!(last.map(|(start, _)| start));
        metadata["job_id"] = json!(last.map(|(_, id)| id));
        Ok(metadata)
    }

    fn klippy_call(&mut self, connection: Option<u64>, method: &str, params: &Params) -> Answer {
        let known = [
            "printer.info",
            "printer.objects.list",
            "printer.objects.query",
            "printer.objects.subscribe",
            "printer.gcode.script",
            "printer.print.start",
            "printer.print.pause",
            "printer.print.resume",
            "printer.print.cancel",
            "printer.emergency_stop",
            "printer.restart",
            "printer.firmware_restart",
        ];
        if !known.contains(&method) {
            return Err(refuse(-32601, "Method not found"));
        }
        let link = self
            .moonraker
            .as_ref()
            .map_or(KlippyLink::NeverSeen, |moonraker| moonraker.link);
        match link {
            KlippyLink::Connected => {}
            // Moonraker registers these methods when it connects to Klippy.
            KlippyLink::NeverSeen if !method.starts_with("printer.print.") => {
                return Err(refuse(-32601, "Method not found"));
            }
            KlippyLink::NeverSeen | KlippyLink::Lost => return Err(refuse(503, "Klippy Host not connected")),
        }
        let version = self.config.version;
        let done = |result: Result<(), Refused>| match result {
            Ok(()) => Ok(Value::from("ok")),
            Err(Refused(message)) => Err(klippy_refusal(version, &message)),
        };
        match method {
            "printer.info" => Ok(self.printer_info()),
            "printer.objects.list" => {
                let names: Vec<&str> = self.status().0.iter().map(|object| object.name).collect();
                Ok(json!({ "objects": names }))
            }
            "printer.objects.query" | "printer.objects.subscribe" => {
                let Some(Value::Object(objects)) = params.0.get("objects") else {
                    return Err(klippy_refusal(version, "Missing Argument [objects]"));
                };
                let subscription = Subscription::read(objects);
                let answer = self.moonraker.as_ref().map(|moonraker| {
                    json!({ "eventtime": moonraker.sent_at, "status": moonraker.sent.answer(&subscription) })
                });
                if method.ends_with("subscribe")
                    && let Some(connection) = connection.and_then(|id| self.connections.get_mut(id))
                {
                    connection.subscription = Some(subscription);
                }
                answer.ok_or_else(|| refuse(503, "Klippy Host not connected"))
            }
            "printer.print.start" => {
                let filename = params.text("filename")?.to_owned();
                done(self.start_by_api(&filename))
            }
            "printer.print.pause" => done(self.with_klippy(|klippy, now, _, truth| klippy.pause(now, truth))),
            "printer.print.resume" => done(self.with_klippy(|klippy, now, _, _| klippy.resume(now))),
            "printer.print.cancel" => {
                done(self.with_klippy(|klippy, now, wall, truth| klippy.cancel(now, wall, truth)))
            }
            "printer.emergency_stop" => {
                self.shut_down_klippy("Shutdown due to webhooks request");
                Ok("ok".into())
            }
            "printer.gcode.script" => {
                let script = params.text("script")?.to_owned();
                done(self.gcode(&script))
            }
            _ => {
                self.end_klippy(crate::Outcome::KlippyGone);
                self.start_klippy(None);
                Ok("ok".into())
            }
        }
    }

    pub(crate) fn start_by_api(&mut self, filename: &str) -> Result<(), Refused> {
        let now = self.catch_up();
        self.start_in_klippy(now, filename, None)?;
        if let Some(moonraker) = &mut self.moonraker {
            moonraker.user = TRUSTED_USER;
        }
        Ok(())
    }

    /// Executes the few console commands that affect a print.
    fn gcode(&mut self, script: &str) -> Result<(), Refused> {
        for line in script.lines() {
            let (command, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            match command.to_uppercase().as_str() {
                "PAUSE" => self.with_klippy(|klippy, now, _, truth| klippy.pause(now, truth))?,
                "RESUME" => self.with_klippy(|klippy, now, _, _| klippy.resume(now))?,
                "CANCEL_PRINT" => {
                    self.with_klippy(|klippy, now, wall, truth| klippy.cancel(now, wall, truth))?;
                }
                "SDCARD_RESET_FILE" => {
                    self.with_klippy(|klippy, now, wall, truth| klippy.reset_file(now, wall, truth))?;
                }
                "SDCARD_PRINT_FILE" => {
                    let filename = rest.trim_start_matches("FILENAME=").trim_matches('"').to_owned();
                    let now = self.catch_up();
                    self.start_in_klippy(now, &filename, None)?;
                }
                "M112" => self.shut_down_klippy("Shutdown due to M112 command"),
                "" | "CLEAR_PAUSE" => {}
                other => return Err(Refused(format!("Unknown command:\"{other}\""))),
            }
        }
        Ok(())
    }

    fn printer_info(&self) -> Value {
        let (state, message) = self.klippy.as_ref().map_or(("disconnected", ""), |klippy| {
            (klippy.state.as_str(), klippy.message.as_str())
        });
        json!({
            "state": state, "state_message": message, "hostname": "simulator", "software_version": "v0.12.0-simulated",
            "klipper_path": "/home/pi/klipper", "cpu_info": "4 core ARMv7",
        })
    }

    fn status(&self) -> crate::status::Status {
        let startup = self.klippy_state() == Some(KlippyState::Startup);
        let mut status = self
            .klippy
            .as_ref()
            .map(crate::klippy::Klippy::status)
            .unwrap_or_default();
        if startup {
            status.0.truncate(1);
        }
        status
    }
}

/// An error message of Klippy. 0.8 wraps it.
fn klippy_refusal(version: Version, message: &str) -> Refusal {
    match version {
        Version::V0_8 => refuse(
            400,
            format!("{{'error': 'WebRequestError', 'message': '{message}'}}"),
        ),
        _ => refuse(400, message),
    }
}

fn error(id: &Value, refusal: &Refusal) -> Value {
    json!({ "jsonrpc": "2.0", "error": { "code": refusal.code, "message": refusal.message }, "id": id })
}
