# Cargo decides what is up to date, so it is asked every time.
RESONATE_WEBHOOKS_TARGET = $${CARGO_TARGET_DIR:-$(srcdir)/target}

$(phplibdir)/resonate_webhooks.la: resonate-webhooks-cargo
	@mkdir -p $(phplibdir)
	cp -f "$(RESONATE_WEBHOOKS_TARGET)/release/libresonate_webhooks.$(SHLIB_SUFFIX_NAME)" $(phplibdir)/resonate_webhooks.$(SHLIB_DL_SUFFIX_NAME)
	@echo "dlname='resonate_webhooks.$(SHLIB_DL_SUFFIX_NAME)'" > $@

resonate-webhooks-cargo:
	cd $(srcdir) && PHP=$(RESONATE_WEBHOOKS_PHP) PHP_CONFIG=$(RESONATE_WEBHOOKS_PHP_CONFIG) \
		$(CARGO) build --locked --release --features extension --target-dir "$(RESONATE_WEBHOOKS_TARGET)"

clean: resonate-webhooks-clean
resonate-webhooks-clean:
	-cd $(srcdir) && $(CARGO) clean --quiet --release --package resonate-webhooks --target-dir "$(RESONATE_WEBHOOKS_TARGET)"

.PHONY: resonate-webhooks-cargo resonate-webhooks-clean
