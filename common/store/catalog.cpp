#include "store/catalog.h"

#include <utility>

namespace spex::store {

using base::fail;
using base::Reason;
using base::Result;

Result<NameTable> NameTable::load(Database& database, const char* select, const char* insert, std::uint32_t max) {
  NameTable table;
  table.max_ = max;
  table.references_.push_back(0);  // numbers begin with 1
  SPEX_TRY_ASSIGN(Statement rows, Statement::prepare(database, select, Reason::storage_scan));
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, rows.step());
    if (!row) break;
    const std::int64_t id = rows.integer(0);
    if (id != static_cast<std::int64_t>(table.references_.size()) || table.find(as_text(rows.bytes(1)))) {
      return fail(Reason::storage_corrupt, "names are missing or doubled before number " + std::to_string(id));
    }
    SPEX_TRY(table.hold(as_text(rows.bytes(1)), static_cast<std::uint32_t>(id)));
  }
  SPEX_TRY_ASSIGN(table.insert_, Statement::prepare(database, insert, Reason::storage_insert));
  return table;
}

Result<void> NameTable::hold(std::string_view name, std::uint32_t id) {
  const auto reference = index_.insert(name, id);
  if (!reference) return fail(Reason::too_large, "the names take more memory than can be addressed");
  references_.push_back(*reference);
  return {};
}

Result<std::uint32_t> NameTable::add(std::string_view name) {
  if (const auto found = find(name)) return *found;
  const auto id = static_cast<std::uint32_t>(references_.size());
  if (id > max_) return fail(Reason::too_large, "there are " + std::to_string(max_) + " names already");
  SPEX_TRY(insert_.bind(1, id).bind(2, name).execute());
  SPEX_TRY(hold(name, id));
  return id;
}

Result<std::unique_ptr<Catalog>> Catalog::load(Database& database, std::uint32_t names_max) {
  SPEX_TRY_ASSIGN(NameTable names, NameTable::load(database, "SELECT id, name FROM names ORDER BY id",
                                                   "INSERT INTO names VALUES(?1,?2)", names_max));
  SPEX_TRY_ASSIGN(NameTable specifications, NameTable::load(database, "SELECT id, name FROM specifications ORDER BY id",
                                                            "INSERT INTO specifications VALUES(?1,?2,x'')", 0xffff));
  std::unique_ptr<Catalog> catalog(new Catalog(database, std::move(names), std::move(specifications)));
  SPEX_TRY(catalog->prepare());
  SPEX_TRY_ASSIGN(catalog->bulk_jobs_, database.integer("SELECT count(*) FROM bulk_jobs"));
  return catalog;
}

Result<void> Catalog::prepare() {
  const auto one = [&](Statement& statement, const char* sql, Reason otherwise) -> Result<void> {
    SPEX_TRY_ASSIGN(statement, Statement::prepare(database_, sql, otherwise));
    return {};
  };
  constexpr Reason kRead = Reason::storage_lookup;
  constexpr Reason kWrite = Reason::storage_insert;
  SPEX_TRY(one(save_text_, "UPDATE specifications SET text=?2 WHERE id=?1", kWrite));
  SPEX_TRY(one(text_, "SELECT text FROM specifications WHERE id=?1", kRead));
  SPEX_TRY(one(models_, "SELECT spec, learning, source_hash FROM models ORDER BY spec", kRead));
  SPEX_TRY(one(save_model_, "INSERT OR REPLACE INTO models VALUES(?1,?2,?3)", kWrite));
  SPEX_TRY(one(remove_model_, "DELETE FROM models WHERE spec=?1", Reason::storage_delete));
  SPEX_TRY(one(remove_transitions_, "DELETE FROM model_transitions WHERE spec=?1", Reason::storage_delete));
  SPEX_TRY(one(set_learning_, "UPDATE models SET learning=?2 WHERE spec=?1", kWrite));
  SPEX_TRY(one(transitions_,
               "SELECT spec, source, action, target, count, first_at, last_at FROM model_transitions ORDER BY spec",
               kRead));
  SPEX_TRY(one(save_transition_, "INSERT OR REPLACE INTO model_transitions VALUES(?1,?2,?3,?4,?5,?6,?7)", kWrite));
  SPEX_TRY(one(bulk_job_, "SELECT fingerprint, deleted, done FROM bulk_jobs WHERE client=?1 AND number=?2", kRead));
  SPEX_TRY(one(save_bulk_job_,
               "INSERT INTO bulk_jobs VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(client, number) DO UPDATE SET"
               " deleted=?4, done=?5",
               kWrite));
  SPEX_TRY(one(oldest_bulk_job_, "SELECT client, number, at FROM bulk_jobs ORDER BY at LIMIT 1", kRead));
  SPEX_TRY(one(remove_bulk_job_, "DELETE FROM bulk_jobs WHERE client=?1 AND number=?2", Reason::storage_delete));
  SPEX_TRY(one(put_setting_, "INSERT OR REPLACE INTO settings VALUES(CAST(?1 AS TEXT),?2)", kWrite));
  return one(setting_, "SELECT value FROM settings WHERE key=CAST(?1 AS TEXT)", kRead);
}

Result<void> Catalog::save_specification(std::uint16_t specification, std::string_view text) {
  return save_text_.bind(1, std::uint32_t{specification}).bind(2, text).execute();
}

Result<std::string> Catalog::specification_text(std::uint16_t specification) {
  const ResetAtEnd reset(text_);
  SPEX_TRY_ASSIGN(const bool row, text_.bind(1, std::uint32_t{specification}).step());
  return row ? std::string(as_text(text_.bytes(0))) : std::string();
}

Result<std::vector<StoredModel>> Catalog::models() {
  const ResetAtEnd reset(models_);
  std::vector<StoredModel> models;
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, models_.step());
    if (!row) break;
    models.push_back({SpecificationId(static_cast<std::uint16_t>(models_.integer(0))),
                      models_.integer(1) != 0,
                      std::string(as_text(models_.bytes(2))),
                      {}});
  }
  SPEX_TRY(read_transitions(models));
  return models;
}

Result<void> Catalog::read_transitions(std::vector<StoredModel>& models) {
  const ResetAtEnd reset(transitions_);
  std::size_t at = 0;
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, transitions_.step());
    if (!row) return {};
    const auto id = [&](int column) { return NameId(static_cast<std::uint32_t>(transitions_.integer(column))); };
    const auto specification = SpecificationId(static_cast<std::uint16_t>(transitions_.integer(0)));
    while (at < models.size() && models[at].specification < specification) ++at;
    const bool known =
        (!id(1).value() || names_.has(id(1).value())) && names_.has(id(2).value()) && names_.has(id(3).value());
    if (at == models.size() || models[at].specification != specification || !known) {
      return fail(Reason::storage_corrupt, "a learned transition names no model or no state");
    }
    models[at].transitions.push_back(
        {id(1), id(2), id(3), transitions_.unsigned_integer(4), transitions_.integer(5), transitions_.integer(6)});
  }
}

Result<void> Catalog::save_model(SpecificationId specification, bool learning, std::string_view source_hash) {
  return save_model_.bind(1, std::uint32_t{specification.value()})
      .bind(2, std::uint32_t{learning})
      .bind(3, source_hash)
      .execute();
}

Result<void> Catalog::remove_model(SpecificationId specification) {
  SPEX_TRY(remove_transitions_.bind(1, std::uint32_t{specification.value()}).execute());
  return remove_model_.bind(1, std::uint32_t{specification.value()}).execute();
}

Result<bool> Catalog::set_model_learning(SpecificationId specification, bool learning) {
  SPEX_TRY(set_learning_.bind(1, std::uint32_t{specification.value()}).bind(2, std::uint32_t{learning}).execute());
  return database_.changed_rows() > 0;
}

Result<void> Catalog::save_transition(SpecificationId specification, const StoredTransition& transition) {
  return save_transition_.bind(1, std::uint32_t{specification.value()})
      .bind(2, transition.from.value())
      .bind(3, transition.action.value())
      .bind(4, transition.to.value())
      .bind(5, transition.count)
      .bind(6, transition.first_at)
      .bind(7, transition.last_at)
      .execute();
}

Result<std::optional<BulkJob>> Catalog::bulk_job(const RequestKey& key) {
  const ResetAtEnd reset(bulk_job_);
  SPEX_TRY_ASSIGN(const bool row, bulk_job_.bind(1, key.client).bind(2, key.number).step());
  if (!row) return std::optional<BulkJob>();
  if (bulk_job_.unsigned_integer(0) != key.fingerprint) {
    return fail(Reason::request_key_reused, "this request key was used for another request");
  }
  return std::optional<BulkJob>(BulkJob{key, bulk_job_.unsigned_integer(1), bulk_job_.integer(2) != 0});
}

Result<void> Catalog::save_bulk_job(const BulkJob& job, base::Timestamp now) {
  SPEX_TRY_ASSIGN(const auto before, bulk_job(job.key));
  SPEX_TRY(save_bulk_job_.bind(1, job.key.client)
               .bind(2, job.key.number)
               .bind(3, job.key.fingerprint)
               .bind(4, job.deleted)
               .bind(5, std::uint32_t{job.done})
               .bind(6, now)
               .execute());
  if (!before) ++bulk_jobs_;
  return {};
}

Result<std::optional<RequestKey>> Catalog::drop_bulk_job(base::Timestamp time) {
  if (bulk_jobs_ == 0) return std::optional<RequestKey>();
  RequestKey key;
  {
    const ResetAtEnd reset(oldest_bulk_job_);
    SPEX_TRY_ASSIGN(const bool row, oldest_bulk_job_.step());
    if (!row || (bulk_jobs_ <= kBulkJobsMax && oldest_bulk_job_.integer(2) >= time)) return std::optional<RequestKey>();
    key = {oldest_bulk_job_.unsigned_integer(0), oldest_bulk_job_.unsigned_integer(1), 0};
  }
  SPEX_TRY(remove_bulk_job_.bind(1, key.client).bind(2, key.number).execute());
  --bulk_jobs_;
  return std::optional<RequestKey>(key);
}

Result<std::vector<StoredBulkJob>> Catalog::bulk_jobs() {
  SPEX_TRY_ASSIGN(Statement rows,
                  Statement::prepare(database_,
                                     "SELECT client, number, fingerprint, deleted, done, at FROM bulk_jobs"
                                     " ORDER BY at"));
  std::vector<StoredBulkJob> jobs;
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, rows.step());
    if (!row) return jobs;
    const RequestKey key{rows.unsigned_integer(0), rows.unsigned_integer(1),
                         static_cast<std::uint32_t>(rows.integer(2))};
    jobs.push_back({{key, rows.unsigned_integer(3), rows.integer(4) != 0}, rows.integer(5)});
  }
}

Result<std::vector<std::pair<std::string, std::string>>> Catalog::settings() {
  SPEX_TRY_ASSIGN(
      Statement rows,
      Statement::prepare(database_, "SELECT key, value FROM settings WHERE key NOT LIKE 'store.%' ORDER BY key"));
  std::vector<std::pair<std::string, std::string>> settings;
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, rows.step());
    if (!row) return settings;
    settings.emplace_back(as_text(rows.bytes(0)), as_text(rows.bytes(1)));
  }
}

Result<void> Catalog::put_setting(std::string_view key, std::string_view value) {
  return put_setting_.bind(1, key).bind(2, value).execute();
}

Result<std::optional<std::string>> Catalog::setting(std::string_view key) {
  const ResetAtEnd reset(setting_);
  SPEX_TRY_ASSIGN(const bool row, setting_.bind(1, key).step());
  if (!row) return std::optional<std::string>();
  return std::optional<std::string>(std::string(as_text(setting_.bytes(0))));
}

}  // namespace spex::store
