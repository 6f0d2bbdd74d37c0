<resource schema="hess_dr" resdir="hess_dr">
	<!-- What is special to this release stands in release.toml, what all collections share in rd/. -->
	<FEED source="rd/collection#metadata" collection="hess_dr"/>
	<FEED source="rd/tables#tables" collection="hess_dr"/>
	<FEED source="rd/collection#coverage"/>
	<FEED source="rd/collection#import" collection="hess_dr"/>
	<FEED source="rd/collection#services" collection="hess_dr"/>
</resource>
