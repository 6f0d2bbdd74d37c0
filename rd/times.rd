<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">Time scale of the times published here</meta>
	<meta name="description">One stream for all tables with t_min and t_max.</meta>
	<meta name="subject">virtual-observatories</meta>

	<STREAM id="annotation">
		<doc>Declares time scale and origin of t_min and t_max: MJD in TT at the telescope.</doc>
		<LOOP listItems="t_min t_max">
			<events>
				<dm>
					(votable:Coords) {
						time: (votable:TimeCoordinate) {
							frame: (votable:TimeFrame) {
								timescale: TT
								refPosition: TOPOCENTER
								time0: MJD-origin
							}
							location: @\item
						}
					}
				</dm>
			</events>
		</LOOP>
	</STREAM>
</resource>
