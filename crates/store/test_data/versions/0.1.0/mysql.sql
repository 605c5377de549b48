SET foreign_key_checks = 0;
CREATE TABLE `api_keys` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `key_hash` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `key_prefix` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `name` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `is_active` tinyint(1) NOT NULL,
  `last_used` bigint DEFAULT NULL,
  `created_at` bigint NOT NULL,
  `expires_at` bigint DEFAULT NULL,
  `scope` varchar(255) COLLATE utf8mb4_bin NOT NULL DEFAULT 'admin',
  PRIMARY KEY (`id`),
  UNIQUE KEY `api_keys_key_hash` (`key_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `corrected_outcomes` (
  `printer_id` bigint NOT NULL,
  `status` varchar(32) COLLATE utf8mb4_bin NOT NULL,
  `jobs` bigint NOT NULL,
  PRIMARY KEY (`printer_id`,`status`),
  CONSTRAINT `corrected_outcomes_of_printer` FOREIGN KEY (`printer_id`) REFERENCES `printers` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `deleted_job_rows` (
  `print_job_id` bigint NOT NULL,
  `printer_id` bigint NOT NULL,
  `gcode_file_id` bigint DEFAULT NULL,
  `deleted_at` bigint NOT NULL,
  `deleted_by` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `details` longtext COLLATE utf8mb4_bin,
  `data` longtext COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`print_job_id`),
  KEY `deleted_job_rows_deleted_at` (`deleted_at`,`print_job_id`),
  KEY `deleted_job_rows_printer` (`printer_id`),
  KEY `deleted_job_rows_file` (`gcode_file_id`),
  CONSTRAINT `deleted_job_rows_of_printer` FOREIGN KEY (`printer_id`) REFERENCES `printers` (`id`),
  CONSTRAINT `deleted_job_rows_run` FOREIGN KEY (`print_job_id`) REFERENCES `deleted_jobs` (`print_job_id`),
  CONSTRAINT `deleted_job_rows_with_file` FOREIGN KEY (`gcode_file_id`) REFERENCES `gcode_files` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `deleted_jobs` (
  `print_job_id` bigint NOT NULL,
  `printer_id` bigint NOT NULL,
  `job_id` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `history_start_time` bigint DEFAULT NULL,
  `start_time` bigint DEFAULT NULL,
  `end_time` bigint DEFAULT NULL,
  `filename` longtext COLLATE utf8mb4_bin,
  `total_duration` double DEFAULT NULL,
  `deleted_at` bigint NOT NULL,
  `status` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  PRIMARY KEY (`print_job_id`),
  KEY `deleted_jobs_run` (`printer_id`,`history_start_time`),
  KEY `deleted_jobs_start_time` (`printer_id`,`start_time`),
  CONSTRAINT `deleted_jobs_of_printer` FOREIGN KEY (`printer_id`) REFERENCES `printers` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `details_queue` (
  `print_job_id` bigint NOT NULL,
  `status` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `priority` bigint NOT NULL,
  `reason` longtext COLLATE utf8mb4_bin,
  `attempts` bigint NOT NULL,
  `next_attempt_at` bigint DEFAULT NULL,
  `gcode_file_id` bigint DEFAULT NULL,
  `sort_time` bigint NOT NULL,
  `updated_at` bigint NOT NULL,
  PRIMARY KEY (`print_job_id`),
  KEY `details_queue_due` (`priority`,`next_attempt_at`,`sort_time`),
  KEY `details_queue_status` (`status`),
  KEY `details_queue_file` (`gcode_file_id`),
  CONSTRAINT `details_from_file` FOREIGN KEY (`gcode_file_id`) REFERENCES `gcode_files` (`id`),
  CONSTRAINT `details_of_job` FOREIGN KEY (`print_job_id`) REFERENCES `print_jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `gcode_file_thumbnails` (
  `gcode_file_id` bigint NOT NULL,
  `thumbnail_hash` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`gcode_file_id`,`thumbnail_hash`),
  KEY `gcode_file_thumbnails_hash` (`thumbnail_hash`),
  CONSTRAINT `file_with_thumbnail` FOREIGN KEY (`thumbnail_hash`) REFERENCES `thumbnails` (`hash`),
  CONSTRAINT `thumbnail_of_file` FOREIGN KEY (`gcode_file_id`) REFERENCES `gcode_files` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `gcode_files` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `printer_id` bigint NOT NULL,
  `file_key` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `content_hash` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `source` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `created_at` bigint NOT NULL,
  `metadata` longtext COLLATE utf8mb4_bin NOT NULL,
  `raw` longtext COLLATE utf8mb4_bin,
  PRIMARY KEY (`id`),
  UNIQUE KEY `gcode_files_key` (`printer_id`,`file_key`),
  CONSTRAINT `gcode_files_of_printer` FOREIGN KEY (`printer_id`) REFERENCES `printers` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_changes` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `print_job_id` bigint NOT NULL,
  `changed_at` bigint NOT NULL,
  `changed_by` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `field` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `old_value` longtext COLLATE utf8mb4_bin,
  `new_value` longtext COLLATE utf8mb4_bin,
  PRIMARY KEY (`id`),
  KEY `job_changes_of_job` (`print_job_id`,`id`),
  CONSTRAINT `changes_of_job` FOREIGN KEY (`print_job_id`) REFERENCES `print_jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_details` (
  `print_job_id` bigint NOT NULL,
  `layer_height` double DEFAULT NULL,
  `first_layer_height` double DEFAULT NULL,
  `nozzle_temp` double DEFAULT NULL,
  `bed_temp` double DEFAULT NULL,
  `print_speed` double DEFAULT NULL,
  `infill_percentage` double DEFAULT NULL,
  `infill_pattern` longtext COLLATE utf8mb4_bin,
  `support_enabled` tinyint(1) DEFAULT NULL,
  `support_type` longtext COLLATE utf8mb4_bin,
  `filament_type` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `filament_brand` longtext COLLATE utf8mb4_bin,
  `filament_color` longtext COLLATE utf8mb4_bin,
  `estimated_time` double DEFAULT NULL,
  `estimated_filament` double DEFAULT NULL,
  `layer_count` bigint DEFAULT NULL,
  `object_height` double DEFAULT NULL,
  `raw_metadata` longtext COLLATE utf8mb4_bin,
  `slicer` longtext COLLATE utf8mb4_bin,
  `grams_per_mm` double DEFAULT NULL,
  `weight_source` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `estimated_length` double DEFAULT NULL,
  `filament_cost` double DEFAULT NULL,
  `currency` longtext COLLATE utf8mb4_bin,
  PRIMARY KEY (`print_job_id`),
  KEY `job_details_filament_type` (`filament_type`),
  CONSTRAINT `job_details_of_job` FOREIGN KEY (`print_job_id`) REFERENCES `print_jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_kinds` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `hash` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `filament_type` longtext COLLATE utf8mb4_bin,
  `filament_brand` longtext COLLATE utf8mb4_bin,
  `filament_color` longtext COLLATE utf8mb4_bin,
  `slicer` longtext COLLATE utf8mb4_bin,
  `currency` longtext COLLATE utf8mb4_bin,
  PRIMARY KEY (`id`),
  UNIQUE KEY `job_kinds_hash` (`hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_months` (
  `printer_id` bigint NOT NULL,
  `month` bigint NOT NULL,
  `version` bigint NOT NULL,
  `jobs` bigint NOT NULL,
  `facts` longblob NOT NULL,
  PRIMARY KEY (`printer_id`,`month`),
  CONSTRAINT `job_months_of_printer` FOREIGN KEY (`printer_id`) REFERENCES `printers` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_notes` (
  `print_job_id` bigint NOT NULL,
  `title` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `verdict` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `verdict_reason` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `notes` longtext COLLATE utf8mb4_bin,
  PRIMARY KEY (`print_job_id`),
  KEY `job_notes_verdict` (`verdict`),
  CONSTRAINT `notes_of_job` FOREIGN KEY (`print_job_id`) REFERENCES `print_jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_pauses` (
  `print_job_id` bigint NOT NULL,
  `paused_at` bigint NOT NULL,
  `resumed_at` bigint DEFAULT NULL,
  PRIMARY KEY (`print_job_id`,`paused_at`),
  CONSTRAINT `pauses_of_job` FOREIGN KEY (`print_job_id`) REFERENCES `print_jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_search` (
  `print_job_id` bigint NOT NULL,
  `text` longtext COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`print_job_id`),
  CONSTRAINT `search_of_job` FOREIGN KEY (`print_job_id`) REFERENCES `print_jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_tags` (
  `print_job_id` bigint NOT NULL,
  `tag_key` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `tag` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`print_job_id`,`tag_key`),
  KEY `job_tags_key` (`tag_key`),
  CONSTRAINT `tags_of_job` FOREIGN KEY (`print_job_id`) REFERENCES `print_jobs` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_texts` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `hash` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `text` longtext COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `job_texts_hash` (`hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `job_totals` (
  `printer_id` bigint NOT NULL,
  `total_jobs` bigint NOT NULL,
  `total_time` double NOT NULL,
  `total_print_time` double NOT NULL,
  `total_filament_used` double NOT NULL,
  `longest_job` double DEFAULT NULL,
  `last_updated` bigint DEFAULT NULL,
  `facts_version` bigint NOT NULL DEFAULT '0',
  `facts_format` bigint NOT NULL DEFAULT '0',
  PRIMARY KEY (`printer_id`),
  CONSTRAINT `job_totals_of_printer` FOREIGN KEY (`printer_id`) REFERENCES `printers` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `outbox` (
  `id` bigint NOT NULL,
  `printer_id` bigint NOT NULL,
  `job_id` bigint DEFAULT NULL,
  `kind` varchar(32) COLLATE utf8mb4_bin NOT NULL,
  `payload` text COLLATE utf8mb4_bin NOT NULL,
  `created_at` bigint NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `outbox_position` (
  `id` bigint NOT NULL,
  `last_id` bigint NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `print_jobs` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `printer_id` bigint NOT NULL,
  `job_id` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `history_start_time` bigint DEFAULT NULL,
  `user` longtext COLLATE utf8mb4_bin,
  `filename` longtext COLLATE utf8mb4_bin,
  `status` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `cause` longtext COLLATE utf8mb4_bin,
  `message` longtext COLLATE utf8mb4_bin,
  `sort_time` bigint NOT NULL,
  `start_time` bigint DEFAULT NULL,
  `end_time` bigint DEFAULT NULL,
  `print_duration` double DEFAULT NULL,
  `total_duration` double DEFAULT NULL,
  `filament_used` double DEFAULT NULL,
  `end_source` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  `figures_source` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `clock_jumped` tinyint(1) NOT NULL,
  `last_seen` bigint DEFAULT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint NOT NULL,
  `metadata` longtext COLLATE utf8mb4_bin,
  `auxiliary_data` longtext COLLATE utf8mb4_bin,
  PRIMARY KEY (`id`),
  UNIQUE KEY `print_jobs_run` (`printer_id`,`history_start_time`,`job_id`),
  KEY `print_jobs_sort_time` (`sort_time`),
  KEY `print_jobs_printer` (`printer_id`,`sort_time`),
  KEY `print_jobs_status` (`status`,`sort_time`),
  KEY `print_jobs_printer_status` (`printer_id`,`status`,`sort_time`),
  KEY `print_jobs_length` (`printer_id`,`total_duration`),
  KEY `print_jobs_start_time` (`start_time`),
  CONSTRAINT `print_jobs_of_printer` FOREIGN KEY (`printer_id`) REFERENCES `printers` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `printers` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `name` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `name_key` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `location` longtext COLLATE utf8mb4_bin,
  `moonraker_url` longtext COLLATE utf8mb4_bin NOT NULL,
  `moonraker_api_key` longtext COLLATE utf8mb4_bin,
  `is_active` tinyint(1) NOT NULL,
  `last_seen` bigint DEFAULT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint NOT NULL,
  `backfill_since` bigint DEFAULT NULL,
  `backfill_position` bigint NOT NULL,
  `backfill_completed_at` bigint DEFAULT NULL,
  `first_contact` bigint DEFAULT NULL,
  `kind` varchar(32) COLLATE utf8mb4_bin NOT NULL DEFAULT 'moonraker',
  PRIMARY KEY (`id`),
  UNIQUE KEY `printers_name_key` (`name_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `schema_migrations` (
  `version` varchar(255) NOT NULL,
  `applied_at` bigint NOT NULL,
  PRIMARY KEY (`version`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `server_lease` (
  `id` bigint NOT NULL,
  `epoch` bigint NOT NULL,
  `beat` bigint NOT NULL,
  `holder` varchar(255) COLLATE utf8mb4_bin DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `server_settings` (
  `name` varchar(64) COLLATE utf8mb4_bin NOT NULL,
  `value` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `sessions` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `token_hash` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `api_key_id` bigint NOT NULL,
  `created_at` bigint NOT NULL,
  `expires_at` bigint NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `sessions_token_hash` (`token_hash`),
  KEY `sessions_key` (`api_key_id`),
  KEY `sessions_expires_at` (`expires_at`),
  CONSTRAINT `sessions_of_key` FOREIGN KEY (`api_key_id`) REFERENCES `api_keys` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `thumbnails` (
  `hash` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `media_type` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `width` bigint NOT NULL,
  `height` bigint NOT NULL,
  `bytes` bigint NOT NULL,
  `data` longblob NOT NULL,
  PRIMARY KEY (`hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `verdict_reasons` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `name` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  `name_key` varchar(255) COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `verdict_reasons_key` (`name_key`)
) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0001_initial', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0002_slicer_details', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0003_analytics', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0004_search', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0005_sessions', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0005_user_notes', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0006_scopes_and_counts', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0007_server_lease', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0008_job_pauses', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0009_corrected_outcomes', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0010_sql_views', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0011_unicode_keys', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0012_searched_reasons', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0013_history_again', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0014_outbox', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0015_printer_kind', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0016_deleted_job_rows', 0);
INSERT INTO schema_migrations (version, applied_at) VALUES ('m0017_server_settings', 0);
