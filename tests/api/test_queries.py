"""Every statement of sql/queries.sql: binds the tenant, prepares, and finds its rows by an index."""
import os
import re

import pytest

from conftest import SOURCE, migrate

def migrations():
    folder = os.path.join(SOURCE, "sql")
    return "".join(open(os.path.join(folder, f)).read() for f in sorted(os.listdir(folder)) if re.match(r"\d{4}-", f))


# Each table that a migration gives a tenant.
TENANT_TABLES = {name for name, columns in re.findall(r"CREATE TABLE (\w+) \((.*?)^\)", migrations(), flags=re.S | re.M)
                 if re.search(r"^\s*tenant\b", columns, flags=re.M)}


def statements():
    """(name, marks, sql)"""
    text = open(os.path.join(SOURCE, "sql", "queries.sql")).read()
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.M)[1:]
    for name, body in zip(parts[::2], parts[1::2]):
        lines = body.split("\n")
        marks = {l[3:].strip() for l in lines if l.startswith("-- ")}
        yield name, marks & {"system", "scan"}, "\n".join(l for l in lines if not l.startswith("--")).strip()


STATEMENTS = list(statements())


def tables(sql):
    return set(re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)", sql, flags=re.I)) & TENANT_TABLES


def binds_tenant(sql):
    if re.match(r"INSERT", sql, flags=re.I):
        return re.search(r"\btenant\b.*:tenant\b", sql, flags=re.S | re.I) is not None
    return re.search(r"\btenant\s*=\s*:tenant\b", sql) is not None


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return migrate(str(tmp_path_factory.mktemp("db") / "sockerless.db"))


@pytest.mark.parametrize("name,marks,sql", STATEMENTS, ids=[s[0] for s in STATEMENTS])
def test_binds_tenant(name, marks, sql):
    assert "system" in marks or not tables(sql) or binds_tenant(sql), "%s doesn't bind the tenant" % name


@pytest.mark.parametrize("name,marks,sql", STATEMENTS, ids=[s[0] for s in STATEMENTS])
def test_plan(db, name, marks, sql):
    if re.match(r"(BEGIN|COMMIT|ROLLBACK|PRAGMA)\b", sql):
        return
    values = {p: 0 for p in re.findall(r":(\w+)", sql)}
    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql, values)]
    # All of a partial index is only what the statement is about.
    partial = [i for (i,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'")]
    scans = [step for step in plan if re.match(r"SCAN (?!CONSTANT ROW)", step) and step.split()[-1] not in partial]
    assert "scan" in marks or not scans, "%s: %s" % (name, plan)


# Where an index for the order would be taken, though one row in a hundred is wanted.
INDEXES = {"image_containers": "container_by_image"}


@pytest.mark.parametrize("name", INDEXES)
def test_index(db, name):
    sql = next(text for other, _, text in STATEMENTS if other == name)
    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql, {p: 0 for p in re.findall(r":(\w+)", sql)})]
    assert any("USING INDEX %s " % INDEXES[name] in step for step in plan), plan


def test_the_checks_can_fail(db):
    assert not binds_tenant("SELECT id FROM container WHERE id = :id;")
    assert not binds_tenant("INSERT INTO intent (tenant, verb) VALUES ('local', :verb);")
    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN SELECT id FROM container WHERE error = ''")]
    assert any(step.startswith("SCAN") for step in plan)
