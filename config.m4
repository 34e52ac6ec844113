dnl For phpize && ./configure && make. Cargo builds the extension. These files only find the tools, and
dnl copy the result to where `make test` and `make install` expect it.

PHP_ARG_ENABLE([resonate_webhooks],
  [whether to enable the Resonate webhooks engine],
  [AS_HELP_STRING([--disable-resonate-webhooks],
    [Leave out the Resonate webhooks engine])],
  [yes])

if test "$PHP_RESONATE_WEBHOOKS" != "no"; then
  AC_MSG_CHECKING([for PHP 8.4 or newer, not thread-safe])
  if test "`$PHP_CONFIG --vernum`" -lt 80400; then
    AC_MSG_ERROR([this is PHP `$PHP_CONFIG --version`; resonate_webhooks needs PHP 8.4 or newer])
  fi
  if test "$PHP_THREAD_SAFETY" = "yes"; then
    AC_MSG_ERROR([this PHP is thread-safe (ZTS); resonate_webhooks needs a PHP that is not (NTS)])
  fi
  AC_MSG_RESULT([yes])

  dnl The minimum version of Rust is set only in Cargo.toml.
  RESONATE_WEBHOOKS_RUST=`$SED -n 's/^rust-version *= *"\(.*\)"/\1/p' "$abs_srcdir/Cargo.toml"`
  RESONATE_WEBHOOKS_RUSTUP_PATH="$PATH$PATH_SEPARATOR${CARGO_HOME-$HOME/.cargo}/bin"
  AC_PATH_PROG([CARGO], [cargo], [no], [$RESONATE_WEBHOOKS_RUSTUP_PATH])
  if test "$CARGO" = "no"; then
    AC_MSG_ERROR([cargo was not found; install Rust $RESONATE_WEBHOOKS_RUST or newer (rustup, or the packages cargo and rustc), or set CARGO to its path])
  fi
  AC_PATH_PROG([RUSTC], [rustc], [no], [$RESONATE_WEBHOOKS_RUSTUP_PATH])
  AC_MSG_CHECKING([for Rust $RESONATE_WEBHOOKS_RUST or newer])
  RESONATE_WEBHOOKS_RUSTC=`"$RUSTC" --version 2>/dev/null | $SED -n 's/^rustc \([[0-9]]*\.[[0-9]]*\).*/\1/p'`
  if test -z "$RESONATE_WEBHOOKS_RUSTC"; then
    AC_MSG_ERROR([the version of rustc is unknown; install Rust $RESONATE_WEBHOOKS_RUST or newer, or set RUSTC to its path])
  fi
  AS_VERSION_COMPARE([$RESONATE_WEBHOOKS_RUSTC], [$RESONATE_WEBHOOKS_RUST],
    [AC_MSG_ERROR([this is Rust $RESONATE_WEBHOOKS_RUSTC; resonate_webhooks needs $RESONATE_WEBHOOKS_RUST or newer (rustup update stable)])])
  AC_MSG_RESULT([yes, $RESONATE_WEBHOOKS_RUSTC])

  dnl A musl target links statically by default, and such a build has no shared object.
  AC_MSG_CHECKING([whether Rust builds shared objects])
  RESONATE_WEBHOOKS_TARGET=`"$RUSTC" -vV 2>/dev/null | $SED -n 's/^host: //p'`
  RESONATE_WEBHOOKS_FLAGS="$RUSTFLAGS `env | $SED -n 's/^CARGO_TARGET_[[A-Z0-9_]]*_RUSTFLAGS=//p'`"
  case "$RESONATE_WEBHOOKS_TARGET:$RESONATE_WEBHOOKS_FLAGS" in
    *-unknown-linux-musl:*-crt-static*) ;;
    *-unknown-linux-musl:*)
      AC_MSG_ERROR([Rust links statically on $RESONATE_WEBHOOKS_TARGET by default; run: export RUSTFLAGS="-C target-feature=-crt-static"]) ;;
  esac
  AC_MSG_RESULT([yes])

  dnl bindgen generates the PHP bindings from PHP's headers, and loads libclang for that. If LIBCLANG_PATH
  dnl is set, bindgen looks nowhere else, and neither does this check.
  AC_MSG_CHECKING([for libclang])
  RESONATE_WEBHOOKS_LIBCLANG=no
  if test -n "$LIBCLANG_PATH"; then
    RESONATE_WEBHOOKS_LIBCLANG_DIRS=$LIBCLANG_PATH
  else
    RESONATE_WEBHOOKS_LIBCLANG_DIRS="`llvm-config --libdir 2>/dev/null` /usr/lib/llvm*/lib /usr/lib64/llvm*/lib64 /usr/lib /usr/lib64 /usr/lib/*-linux-* /usr/local/lib /usr/local/llvm*/lib /opt/homebrew/opt/llvm/lib /Library/Developer/CommandLineTools/usr/lib"
  fi
  for resonate_webhooks_dir in $RESONATE_WEBHOOKS_LIBCLANG_DIRS; do
    for resonate_webhooks_file in "$resonate_webhooks_dir" "$resonate_webhooks_dir"/libclang.so* "$resonate_webhooks_dir"/libclang-*.so* "$resonate_webhooks_dir"/libclang.dylib; do
      if test -f "$resonate_webhooks_file" && test "$RESONATE_WEBHOOKS_LIBCLANG" = "no"; then
        RESONATE_WEBHOOKS_LIBCLANG=$resonate_webhooks_file
      fi
    done
  done
  if test "$RESONATE_WEBHOOKS_LIBCLANG" = "no"; then
    AC_MSG_ERROR([libclang was not found; install it (Debian: libclang-dev, Fedora: clang-devel, Alpine: clang-libclang, macOS: xcode-select --install), or set LIBCLANG_PATH to its folder])
  fi
  AC_MSG_RESULT([$RESONATE_WEBHOOKS_LIBCLANG])

  dnl ext-php-rs requires paths here, not names to look up.
  RESONATE_WEBHOOKS_PHP=$PHP_EXECUTABLE
  RESONATE_WEBHOOKS_PHP_CONFIG=`command -v "$PHP_CONFIG"`
  PHP_SUBST([CARGO])
  PHP_SUBST([RESONATE_WEBHOOKS_PHP])
  PHP_SUBST([RESONATE_WEBHOOKS_PHP_CONFIG])

  dnl PHP_NEW_EXTENSION is for C sources. The generated rules need only an .la file that names the
  dnl library of the module.
  PHP_MODULES="$PHP_MODULES modules/resonate_webhooks.la"
  PHP_ADD_MAKEFILE_FRAGMENT([PHP_EXT_SRCDIR/Makefile.frag], [PHP_EXT_SRCDIR], [PHP_EXT_BUILDDIR])
fi
