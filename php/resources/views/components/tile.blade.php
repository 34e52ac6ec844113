@props(['name', 'tone' => ''])
<div class="tile {{ $tone }}">
    <dt>{{ $name }}</dt>
    <dd>{{ $slot }}</dd>
</div>
