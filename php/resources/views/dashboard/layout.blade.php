@use('Webpatser\ResonateWebhooks\Http\Controllers\AssetController')
@use('Webpatser\ResonateWebhooks\Support\SanitizedText')
@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
<!DOCTYPE html>
<html lang="en">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex, nofollow">
    <title>@yield('title') – Webhooks – {{ config('app.name') }}</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="{{ AssetController::url('dashboard.css') }}">
    <script src="{{ AssetController::url('dashboard.js') }}" defer></script>
</head>
<body>
    <a class="skip" href="#main">Skip to the content</a>

    <header class="top">
        <p class="brand">Webhooks <span>{{ config('app.name') }}</span></p>
        <nav aria-label="Pages">
            <a href="{{ DashboardUrl::to('overview') }}" @if (request()->routeIs('*.overview')) aria-current="page" @endif>Overview</a>
            <a href="{{ DashboardUrl::to('dead-letters') }}" @if (request()->routeIs('*.dead-letters')) aria-current="page" @endif>Dead letters</a>
        </nav>
    </header>

    <main id="main" tabindex="-1">
        @if (session('resonate-webhooks-message'))
            <p class="notice notice-good" role="status">{{ SanitizedText::line(session('resonate-webhooks-message')) }}</p>
        @endif

        @yield('content')
    </main>
</body>
</html>
