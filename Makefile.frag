# Cargo decides what to rebuild, so it runs every time. Paths are relative to the build folder: phpize's own
# $(phplibdir) is absolute, and a make target cannot contain a space.
modules/resonate_webhooks.la: resonate-webhooks-cargo
	@echo "dlname='resonate_webhooks.$(SHLIB_DL_SUFFIX_NAME)'" > $@

resonate-webhooks-cargo:
	@mkdir -p modules
	library=`PHP='$(RESONATE_WEBHOOKS_PHP)' PHP_CONFIG='$(RESONATE_WEBHOOKS_PHP_CONFIG)' CARGO='$(CARGO)' '$(srcdir)/scripts/build'` && \
		cp -f "$$library" modules/resonate_webhooks.$(SHLIB_DL_SUFFIX_NAME)

clean: resonate-webhooks-clean
resonate-webhooks-clean:
	-cd '$(srcdir)' && '$(CARGO)' clean --quiet --release --package resonate-webhooks

.PHONY: resonate-webhooks-cargo resonate-webhooks-clean
