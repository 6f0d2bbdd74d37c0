<resource schema="ctao" resdir="ctao">
	<!-- What is special to a release stands in its toml file, what all collections share in rd/. -->
	<FEED source="rd/collection#metadata" collection="ctao"/>
	<FEED source="rd/tables#tables" collection="ctao"/>
	<FEED source="rd/collection#coverage"/>
	<FEED source="rd/collection#import" collection="ctao"/>
	<FEED source="rd/collection#services" collection="ctao"/>
</resource>
