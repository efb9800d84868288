MIGRATIONS = sql/0001-initial.sql sql/0002-container-parts.sql sql/0003-objects.sql sql/0004-pause.sql sql/0005-pulled-layer.sql sql/0006-lifecycle.sql sql/0007-image-layers.sql sql/0008-derived-warnings.sql sql/0009-list-order.sql sql/0010-tag-time.sql sql/0011-stop-time.sql sql/0012-manifest.sql
EXTRA_DIST += sql/embed.py sql/queries.sql $(MIGRATIONS)
BUILT_SOURCES += sql/queries.h sql/migrations.h
CLEANFILES += sql/queries.h sql/migrations.h

sql/queries.h: $(top_srcdir)/sql/queries.sql $(top_srcdir)/sql/embed.py
	$(AM_V_GEN)$(MKDIR_P) sql && $(PYTHON) $(top_srcdir)/sql/embed.py queries $(top_srcdir)/sql/queries.sql > $@.tmp && mv $@.tmp $@

sql/migrations.h: $(MIGRATIONS) sql/embed.py
	$(AM_V_GEN)$(MKDIR_P) sql && $(PYTHON) $(top_srcdir)/sql/embed.py migrations $(MIGRATIONS:%=$(top_srcdir)/%) > $@.tmp && mv $@.tmp $@
