"""The functions that a statement calls: those that are known to change nothing, and all others.

A function that somebody has written may do anything, and so may one of an extension: of those it cannot be told.
"""

from __future__ import annotations

from typing import FrozenSet, Iterator, Sequence

from .tokens import NAME, WORD, Token


def calls_unknown_function(tokens: Sequence[Token], family: str) -> bool:
    """Return whether a statement calls a function that is not known to change nothing, or moves a sequence.

    SQLite's functions change nothing; one that an application has registered is its own Python.
    """
    if family == "sqlite":
        return any(token.word == "LOAD_EXTENSION" for token in tokens)
    return _moves_a_sequence(tokens) or any(name not in HARMLESS for name in find_functions(tokens))


def find_functions(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the functions that are called, in lower case, with their schema where it is not pg_catalog."""
    for place in range(1, len(tokens)):
        if tokens[place].word == "(":
            name = _find_function(tokens, place - 1)
            if name:
                yield name


def _find_function(tokens: Sequence[Token], place: int) -> str:
    """Return what is called at a place before a parenthesis; empty where it is a word of SQL or a list of columns."""
    token = tokens[place]
    if token.kind is not NAME and (token.kind is not WORD or token.word in _NO_FUNCTIONS):
        return ""
    before = tokens[place - 1] if place else None
    if before and before.word in _BEFORE_NO_FUNCTION:
        return ""
    if before and before.word == "," and _is_followed_by_a_query(tokens, place + 1):
        return ""
    if before and before.word == "." and place > 1:
        schema = tokens[place - 2].text.lower()
        return token.text.lower() if schema == "pg_catalog" else f"{schema}.{token.text.lower()}"
    return token.text.lower()


def _is_followed_by_a_query(tokens: Sequence[Token], opened: int) -> bool:
    """Return whether it is the name of a common table expression with its columns: ``, b(x) AS (SELECT``."""
    closed = next((place for place in range(opened, len(tokens)) if tokens[place].word == ")"), len(tokens))
    behind = [token.word for token in tokens[closed + 1 : closed + 5] if token.word not in ("NOT", "MATERIALIZED")]
    return behind[:2] == ["AS", "("] and behind[2:3] != [""] and behind[2] in ("SELECT", "VALUES", "WITH", "TABLE", "(")


def _moves_a_sequence(tokens: Sequence[Token]) -> bool:
    """Return whether a sequence is moved without a function: Oracle's ``s.NEXTVAL``, the standard's NEXT VALUE FOR."""
    return any(
        token.word == "NEXTVAL" or (token.word == "NEXT" and following.word == "VALUE")
        for token, following in zip(tokens, tokens[1:])
    )


_BEFORE_NO_FUNCTION = (")", "AS", "WITH", "RECURSIVE", "::", "INTO", "TABLE", "INDEX", "REFERENCES")
_NO_FUNCTIONS_TEXT = """
UNIQUE CHECK REFERENCES EXCLUDE PRIMARY CONFLICT SELECT FROM WHERE AND OR NOT IN EXISTS ANY ALL SOME AS ON USING
JOIN LATERAL CASE WHEN THEN ELSE END OVER FILTER GROUP BY HAVING ORDER LIMIT OFFSET FETCH UNION INTERSECT EXCEPT
MINUS DISTINCT VALUES ARRAY ROW SETS ROLLUP CUBE GROUPING BETWEEN LIKE ILIKE SIMILAR TO IS ESCAPE RLIKE REGEXP XOR
DIV MOD BINARY MATCH AGAINST INDEX KEY PARTITION REPEATABLE BERNOULLI SYSTEM MATERIALIZED VARYING WITH WINDOW WITHIN
TABLE ONLY SET INTO RETURNING FOR OF NULL TOP INTERVAL COLLATE MULTISET PERCENT PRECISION DEFAULT EXPLAIN ANALYZE
FORMAT TIMESTAMP TIME
"""
_NO_FUNCTIONS = frozenset(_NO_FUNCTIONS_TEXT.split())

_HARMLESS_TEXT = """
abs ceil ceiling floor round trunc truncate sign sqrt cbrt exp ln log log10 log2 power pow pi degrees radians sin
cos tan asin acos atan atan2 cot mod div gcd lcm random rand greatest least width_bucket conv crc32 format

lower upper initcap length char_length character_length octet_length bit_length len trim ltrim rtrim btrim lpad rpad
substr substring left right replace translate reverse repeat space concat concat_ws position instr locate strpos
split_part substring_index field find_in_set elt insert overlay ascii chr char unicode hex unhex bin oct quote
quote_ident quote_literal quote_nullable md5 sha sha1 sha2 sha224 sha256 sha384 sha512 encode decode to_hex
to_base64 from_base64 to_char to_number to_date to_timestamp to_ascii starts_with printf unaccent soundex
regexp_replace regexp_match regexp_matches regexp_split_to_array regexp_split_to_table regexp_like regexp_substr
regexp_instr regexp_count string_to_array string_to_table convert convert_from convert_to uuid uuid_generate_v4
gen_random_uuid group_concat listagg

cast coalesce nullif ifnull isnull nvl nvl2 if iif typeof pg_typeof try_cast varchar nvarchar nchar bpchar decimal
numeric float bit varbit int integer signed unsigned

now current_timestamp current_date current_time localtime localtimestamp clock_timestamp transaction_timestamp
statement_timestamp timeofday utc_timestamp utc_date utc_time sysdate curdate curtime getdate date time datetime
timestamp year quarter month week day hour minute second microsecond weekday dayofweek dayofmonth dayofyear dayname
monthname last_day date_part date_trunc date_bin extract age isfinite make_date make_time make_timestamp
make_timestamptz make_interval justify_days justify_hours justify_interval date_add date_sub adddate subdate addtime
subtime datediff timediff timestampdiff timestampadd date_format time_format str_to_date from_unixtime
unix_timestamp from_days to_days to_seconds sec_to_time time_to_sec makedate maketime period_add period_diff
strftime julianday unixepoch dateadd datepart datename convert_tz

count sum avg min max total stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp
bool_and bool_or every bit_and bit_or bit_xor any_value array_agg string_agg json_agg jsonb_agg json_object_agg
jsonb_object_agg json_arrayagg json_objectagg xmlagg range_agg mode percentile_cont percentile_disc row_number rank
dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value

unnest generate_series generate_subscripts array_length array_position array_positions array_to_string array_append
array_prepend array_cat array_remove array_replace array_upper array_lower array_ndims array_dims cardinality
to_json to_jsonb row_to_json array_to_json json_build_object jsonb_build_object json_build_array jsonb_build_array
json_array_length jsonb_array_length json_array_elements jsonb_array_elements json_array_elements_text
jsonb_array_elements_text json_each jsonb_each json_each_text jsonb_each_text json_object_keys jsonb_object_keys
json_typeof jsonb_typeof json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text
jsonb_set jsonb_insert jsonb_pretty jsonb_strip_nulls json_strip_nulls json_to_record jsonb_to_record
json_to_recordset jsonb_to_recordset json_populate_record jsonb_populate_record json_populate_recordset
jsonb_populate_recordset jsonb_path_query jsonb_path_exists json_object jsonb_object json_extract json_unquote
json_quote json_contains json_contains_path json_search json_keys json_length json_depth json_type json_valid
json_value json_query json_table json_array json_set json_insert json_replace json_remove json_merge_patch
json_merge_preserve json_exists hstore to_tsvector to_tsquery plainto_tsquery websearch_to_tsquery ts_rank
ts_headline setweight similarity lower_inc upper_inc isempty int4range int8range numrange tsrange tstzrange
daterange inet_aton inet_ntoa inet6_aton inet6_ntoa host masklen network

version user current_user session_user system_user current_role database schema current_database current_schema
current_schemas connection_id last_insert_id row_count found_rows charset collation coercibility lastval currval
sleep pg_sleep get_lock release_lock is_free_lock is_used_lock release_all_locks set_config current_setting
benchmark pg_advisory_lock pg_advisory_xact_lock pg_advisory_unlock pg_try_advisory_lock pg_try_advisory_xact_lock
pg_advisory_lock_shared pg_advisory_unlock_all pg_backend_pid pg_blocking_pids txid_current txid_current_if_assigned
txid_status pg_current_xact_id pg_current_xact_id_if_assigned pg_xact_status format_type to_regclass to_regtype
to_regproc to_regnamespace to_regrole obj_description col_description shobj_description pg_table_is_visible
pg_type_is_visible pg_function_is_visible pg_opclass_is_visible pg_collation_is_visible pg_get_constraintdef
pg_get_indexdef pg_get_viewdef pg_get_expr pg_get_functiondef pg_get_triggerdef pg_get_ruledef pg_get_userbyid
pg_get_serial_sequence pg_get_keywords pg_get_partkeydef pg_get_partition_constraintdef pg_get_function_arguments
pg_get_function_identity_arguments pg_get_function_result pg_get_statisticsobjdef pg_index_column_has_property
pg_index_has_property pg_indexam_has_property pg_options_to_table pg_relation_size pg_total_relation_size
pg_table_size pg_indexes_size pg_database_size pg_size_pretty pg_relation_filenode pg_relation_filepath
pg_sequence_parameters pg_sequence_last_value pg_has_role has_table_privilege has_column_privilege
has_schema_privilege has_database_privilege has_sequence_privilege has_function_privilege has_any_column_privilege
pg_encoding_to_char pg_char_to_encoding pg_is_in_recovery pg_postmaster_start_time pg_conf_load_time
pg_my_temp_schema pg_is_other_temp_schema pg_stat_get_activity pg_lock_status pg_partition_tree
pg_partition_ancestors pg_partition_root pg_column_size pg_tablespace_location pg_collation_for inet_server_addr
inet_server_port object_id object_name schema_name scope_identity db_name sys_context userenv
"""
"""Of numbers, texts, values of every type, moments, aggregates, arrays and JSON, of the session and the catalog."""

HARMLESS: FrozenSet[str] = frozenset(_HARMLESS_TEXT.split())
"""Functions of PostgreSQL, MySQL, MariaDB and the others, by name: they change nothing but, some, the session."""
